# The commands of the house. ARGS are handed on: make test ARGS="-k reader", make demo ARGS=--json.
.NOTPARALLEL:
# A test that hangs says where, and ends.
OR_SAY_WHERE = -o faulthandler_timeout=100 -o faulthandler_exit_on_timeout=true
.PHONY: help demo test slow bars faults soak overhead check dev format-check lint types venv view

help:  ## list these commands
	@sed -n 's/^\([a-z]*\):[^#]*## \(.*\)/make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 14

demo: venv  ## watch the embedded model find, track and publish objects of the embedded clip
	@.venv/bin/groundcast demo $(ARGS)

test: venv  ## run the tests (no GPU, no network, about three minutes on two cores)
	.venv/bin/python -m pytest --numprocesses=2 --dist=worksteal $(OR_SAY_WHERE) $(ARGS)

slow: venv  ## run the tests that take minutes: trainings, several processes
	.venv/bin/python -m pytest -m "slow and not bar" --ignore=tests/faults $(ARGS)

bars: venv  ## run the long measurements against their bars: on an idle machine
	.venv/bin/python -m pytest -m bar $(ARGS)

faults: venv  ## run the whole fault suite: cameras, readers, networks and nodes that fail (half an hour)
	.venv/bin/python -m pytest -m slow tests/faults $(ARGS)

soak: venv  ## run a node among faulty cameras for MINUTES=5 and judge whether anything grows
	.venv/bin/python -m tests.faults.soak --minutes $(or $(MINUTES),5) $(ARGS)

overhead: venv  ## measure what groundcast adds to the age of a picture, beside a bare PyAV loop
	.venv/bin/python -m tests.faults.overhead $(ARGS)

check: format-check lint types test  ## format, lint, types, tests: what a change must pass

dev: venv view  ## set up for working on groundcast: .venv, and .view for type checkers and editors
	@echo "Ready. Type checkers read .view; 'make check' is what a change must pass."

format-check: venv
	.venv/bin/ruff format --check .

lint: venv
	.venv/bin/ruff check .

types: venv view
	.venv/bin/pyright

venv:
	@PYTHON="$(PYTHON)" TORCH="$(TORCH)" .ci/venv

# The folders as the package they are installed as: type checkers do not follow the mapping in pyproject.toml.
view:
	@mkdir -p .view/groundcast
	@for floor in launch stream model cuda; do ln -sfn ../../$$floor .view/groundcast/$$floor; done
