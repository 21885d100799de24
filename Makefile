# The front door. Everything here is one command; the work behind it is in xtask/.

CARGO ?= cargo
ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help demo test bench lint assets

help: ## Says what there is
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 12

demo: ## Shows a fleet that follows Git (ARGS="--once --json")
	@$(CARGO) build --quiet -p argosy
	@$(CARGO) run --quiet -p argosy -- demo $(ARGS)

test: assets ## Sets up and runs all tests
	$(CARGO) build --workspace --tests
	$(CARGO) test --workspace

assets: ## Builds a real kube-apiserver and fetches kubectl and helm, once, for tests
	@$(CARGO) run --quiet -p xtask -- kubeassets

bench: ## Runs the demo's fleet in a release build and prints its figures
	@$(CARGO) run --quiet --release -p argosy -- demo --once --json $(ARGS)

lint: ## Formats, lints, licences
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets
	@if command -v cargo-deny >/dev/null; then cargo deny check; else echo "SKIPPED: cargo-deny is not installed (cargo install cargo-deny)"; fi
