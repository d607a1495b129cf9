"""Service: how soon, how well and with how little effort customers' tickets are solved."""

PARTS = ("resolution", "volume", "quality", "agents", "satisfaction")
