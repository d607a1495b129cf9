"""`crmnb alerts`: the alerts of all clients, as their last runs left them."""

import argparse
from pathlib import Path

from crmnb.cli.shared import CLIENT, FORMAT, client_name


def add_parser(commands) -> None:
    """Add the command to the parser."""
    alerts = commands.add_parser(
        "alerts",
        help="list the alerts of all clients",
        description="Lists the alerts of the last run of each client and period: thresholds, control charts, the age of the data, and\n"
        "rejected rows. Rules are declared under `alerts:` in a client's parameters file. Each run writes them to\n"
        "outputs/CLIENT/.private/runs/PERIOD/alerts.json.",
        epilog="examples:\n  crmnb alerts\n  crmnb alerts corner_shop\n  crmnb alerts --json\n\n"
        "exit codes:\n  0  success, with or without alerts\n  2  there is no such client\n",
        **FORMAT,
    )
    alerts.add_argument("client", nargs="*", metavar="CLIENT", type=client_name, help=f"{CLIENT}; default: all")
    alerts.add_argument("--json", action="store_true", help="print them as JSON, for automation")
    alerts.set_defaults(command=_alerts)


def _alerts(options: argparse.Namespace) -> int:
    import json

    from crmnb.core.paths import find_project
    from crmnb.report.text.alerts import alert_line
    from crmnb.run.alert_records import alert_records

    records = alert_records(find_project(Path.cwd()), options.client)
    if options.json:
        print(json.dumps({"runs": records}))
        return 0
    lines = [
        f"{record['client']} {record['period']}: {alert_line(alert)}"
        for record in records
        for alert in record["alerts"]
    ]
    print("\n".join(lines) or "No alerts.")
    return 0
