# What people do here, as short targets; `make` alone lists them.
#
# A target installs what it needs into .venv, once. The last act of a complete install is to leave there a copy of
# what was asked for: a second call compares two files and installs nothing, an interrupted one starts afresh.

# A file in parameters/, and the period to report on: make report CLIENT=corner_shop PERIOD=2025Q4
CLIENT ?= demo
PERIOD ?= 2025
# The interpreter to make .venv with; by default the first of these that will do. Delete .venv to change it.
PYTHON ?= python3 python3.14 python3.13 python3.12 python3.11
# More for pytest: make test ARGS="-k layers"
ARGS ?=

.PHONY: $(shell sed -n 's/^\([a-z]*\):.*/\1/p' $(firstword $(MAKEFILE_LIST)))
.NOTPARALLEL:

help:  ## list these targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-7s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))

report: package $(if $(filter demo,$(CLIENT)),parameters/demo/truth.json)  ## write a client's report: CLIENT=demo PERIOD=2025, unless you say otherwise
	.venv/bin/crmnb run "$(CLIENT)" --period "$(PERIOD)"

test: development  ## run the tests; ARGS="-k layers" runs some
	.venv/bin/python -m pytest -n auto --dist loadfile --no-loadscope-reorder $(ARGS)

lab: package  ## open the notebooks in JupyterLab
	.venv/bin/jupyter-lab --LabApp.default_url=/lab/tree/notebooks

learn: package  ## open JupyterLab on the lessons, at the next step
	.venv/bin/crmnb learn lab

lock:  ## pin the dependencies anew after a change of pyproject.toml (needs uv); UPGRADE=1 takes newer versions
	@command -v uv >/dev/null || { echo "make lock needs uv: https://docs.astral.sh/uv/" >&2; exit 1; }
	$(compile) -o requirements.lock
	$(compile) -o requirements-dev.lock --extra dev --constraints requirements.lock

# ---- what the targets above stand on ----

oldest := $(shell sed -n 's/^requires-python = ">=\([0-9.]*\)".*/\1/p' pyproject.toml)
new_enough := import sys; sys.exit(sys.version_info < tuple(map(int, '$(oldest)'.split('.'))))
compile = uv pip compile --quiet --universal --python-version $(oldest) --generate-hashes --no-annotate --no-header \
	$(if $(UPGRADE),--upgrade) pyproject.toml
another = or name another: make report PYTHON=/path/to/python$(oldest)

# A pip that is configured to install for the user alone would refuse to install into .venv.
export PIP_USER = 0
export PIP_DISABLE_PIP_VERSION_CHECK = 1
# Some machines ask Python to store no compiled modules: then each process of a run or a test would compile them anew.
export PYTHONDONTWRITEBYTECODE =

# $(call install,file,arguments): pip's install of what the file asks for, unless a copy of it says that it is there. Modules are
# compiled when they are first imported: most never are, and to compile them all would take as long as to install them.
define install
	@cmp -s $(1) .venv/$(1) || { \
	  echo "Installing into .venv what $(1) asks for; this happens once." && touch .venv/unfinished && \
	  .venv/bin/python -m pip install --quiet --no-compile $(2) && cp $(1) .venv/$(1) && rm .venv/unfinished; }
endef

environment:
	@test ! -e .venv/unfinished && .venv/bin/python -c "import pip; $(new_enough)" 2>/dev/null && exit; \
	for python in $(PYTHON); do \
	  "$$python" -c "$(new_enough)" 2>/dev/null || continue; \
	  "$$python" -c "import ensurepip, venv" 2>/dev/null && exec "$$python" -m venv --clear .venv; \
	  bare=$$("$$python" -c 'import sys; print("python%d.%d" % sys.version_info[:2])'); \
	done; \
	if [ "$$bare" ]; then \
	  echo "$$bare has no venv module. On Debian and Ubuntu: apt install $$bare-venv; $(another)" >&2; \
	else \
	  echo "Python $(oldest) or newer is needed, and none of these is: $(PYTHON). Install one, $(another)" >&2; \
	fi; exit 1

locked: environment
	$(call install,requirements.lock,--require-hashes --requirement requirements.lock)

package: locked  ## install crmnb into .venv; then `. .venv/bin/activate` makes the shell find it
	$(call install,pyproject.toml,--no-deps --no-build-isolation --editable .)

# The demo's files are made up where they are absent, or older than what makes them up.
parameters/demo/truth.json: $(wildcard src/crmnb/demo/*.py src/crmnb/demo/truth/*.py) | package
	.venv/bin/crmnb simulate

development: package
	$(call install,requirements-dev.lock,--require-hashes --requirement requirements-dev.lock)
