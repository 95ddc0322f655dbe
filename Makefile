# Each target is a short name for `python -m book COMMAND`, which needs no make.
PYTHON ?= $(or $(shell command -v python3 || command -v python),$(error No Python found: install 3.11 or newer from https://www.python.org/downloads/))

help: ; @$(PYTHON) -m book help
book: ; @$(PYTHON) -m book book
test: ; @$(PYTHON) -m book test $(P)$(C)
lab: ; @$(PYTHON) -m book lab $(A)
new: ; @$(PYTHON) -m book new $(C)$(P)
check: ; @$(PYTHON) -m book check $(C)$(P)
chapters: ; @$(PYTHON) -m book chapters $(C)$(P)
serve: ; @$(PYTHON) -m book serve
bench: ; @$(PYTHON) -m book bench
mutants: ; @$(PYTHON) -m book mutants $(A)
student: ; @$(PYTHON) -m book student
instructor: ; @$(PYTHON) -m book instructor $(A)
runtime: ; @$(PYTHON) -m book runtime
scripts: ; @$(PYTHON) -m book scripts
clean: ; @$(PYTHON) -m book clean $(if $(ALL),all)

.PHONY: help book test lab new check chapters serve bench mutants student instructor runtime scripts clean
.DEFAULT_GOAL := help
