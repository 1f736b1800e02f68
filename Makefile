# What people and CI type. Each target is a script that says more about itself in its head.
#
#   make demo                a VM that answers ping, from a fresh clone; make demo-clean removes it
#   make scenario FILE=…     one of tests/scenarios against a fresh node and host
#   make test                everything CI checks
#   make bench NAME=…        how quick it is beside limits measured in the same run; all of scripts/bench, or one part
#   make soak SECONDS=…      load that does not end, then too much of it, and what the node holds afterwards; 10 minutes
#   make chaos SEEDS=…       nodes and servers that are killed, frozen and cut off under load; SEED=… begins there
#   make simulation SEEDS=… the same in one thread and a time of its own, exactly as SEED=… says
#   make model SEEDS=…       random calls against a model of what they have to do; SEED=… begins there
#   make proof NODES=…       the model of the membership, searched for so many nodes and EPOCHS=… changes of members
#   make lint                the part of it that runs nothing
#   make packages            what builds and tests need of the system

FILE ?= tests/scenarios/flat-network.txt
SEEDS ?= 10
SECONDS ?= 600
SEED ?=
NODES ?= 2
EPOCHS ?= 4

.PHONY: demo demo-clean scenario test bench soak chaos simulation model proof lint packages
.SILENT:

demo:
	tests/lab/demo

demo-clean:
	tests/lab/demo down

scenario: packages
	tests/lab/scenario $(FILE)

test: packages
	scripts/test

bench: packages
	scripts/bench $(NAME)

soak: packages
	scripts/soak $(SECONDS)

chaos: packages
	scripts/chaos $(SEEDS) $(SEED)

simulation: packages
	scripts/simulation $(SEEDS) $(SEED)

model: packages
	scripts/model $(SEEDS) $(SEED)

proof: packages
	cargo run --quiet --package cumulo-model -- $(NODES) $(EPOCHS)

lint: packages
	scripts/lint

packages:
	scripts/install-packages
