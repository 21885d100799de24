# The front door. Everything here is one command; the work behind it is in xtask/.

CARGO ?= cargo
ARGS ?=
TARGET := $(or $(CARGO_TARGET_DIR),target)

.DEFAULT_GOAL := help
.PHONY: help demo test bench lint assets page check budget

help: ## Says what there is
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 12

demo: page ## Shows a fleet that follows Git (ARGS="--once --json")
	@$(CARGO) build --quiet -p argosy
	@$(CARGO) run --quiet -p argosy -- demo $(ARGS)

# One build of everything, xtask included: it and `make demo` share what they compile.
test: page ## Sets up and runs all tests
	$(CARGO) build --workspace --bins --tests
	@$(TARGET)/debug/xtask kubeassets
	@$(TARGET)/debug/xtask sshd
	@$(TARGET)/debug/xtask browser
	$(CARGO) test --workspace

# Before the server is compiled, which embeds it. Nothing else needs Node.
page: ## Builds the web page, where Node is there and it is not up to date
	@if command -v node >/dev/null && command -v npm >/dev/null; then \
	  node web/scripts/make.mjs || echo "SKIPPED: the web page is not built"; \
	else echo "SKIPPED: Node 20 or later is not installed; the web page is not built"; fi

assets: ## Builds a real kube-apiserver and fetches kubectl, helm and sshd, once, for tests
	@$(CARGO) run --quiet -p xtask -- kubeassets
	@$(CARGO) run --quiet -p xtask -- sshd

bench: ## Measures fleets and rendering in a release build (ARGS="--clusters 50 --apps 2000")
	@$(CARGO) build --quiet --release -p argosy -p argosy-benches
	@$(TARGET)/release/argosy demo --once --json
	@$(TARGET)/release/argosy bench fleet $(ARGS)
	@$(TARGET)/release/argosy-benches fleet --argosy $(TARGET)/release/argosy --apps 500
	@$(TARGET)/release/argosy-benches helm --argosy $(TARGET)/release/argosy
	@$(TARGET)/release/argosy-benches kustomize --argosy $(TARGET)/release/argosy

check: ## Holds the code to its floors, its file heads and its sizes
	@$(CARGO) run --quiet -p xtask -- check

budget: ## Counts the crates behind the binary (ARGS="--time" compiles them, too)
	@$(CARGO) run --quiet -p xtask -- budget $(ARGS)

lint: check ## Formats, lints, licences
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets
	@if $(CARGO) deny --version >/dev/null 2>&1; then $(CARGO) deny check; else echo "SKIPPED: cargo-deny is not installed (cargo install --locked cargo-deny)"; fi
