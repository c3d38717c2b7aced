# The commands a person needs. Each works on a fresh clone.
.DEFAULT_GOAL := help
.PHONY: help run cluster test verify schema bench promises web journeys

CARGO ?= cargo
# Always the whole workspace: built one by one, its members would want the same 700 crates with other features each.
BUILD = $(CARGO) build --quiet --workspace --bins
BIN = $(or $(CARGO_TARGET_DIR),target)/debug
LISTEN ?= 127.0.0.1:4000
DATA ?= data
REPLICAS ?= 1

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: web ## Open the stocked shop at http://127.0.0.1:4000 (LISTEN=…, DATA=…)
	$(BUILD)
	$(BIN)/larder up --demo --listen $(LISTEN) --data $(DATA)

cluster: web ## Open the distributed shop on this machine: a process for each service, MongoDB, Redis (REPLICAS=2)
	$(BUILD)
	$(BIN)/larder cluster --demo --listen $(LISTEN) --replicas $(REPLICAS)

test: web ## Run every test
	$(CARGO) test --workspace

verify: web ## Everything that CI checks: format, lints, tests, drift of schema and generated files
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --workspace --no-deps --quiet
	$(BUILD)
	$(BIN)/larder schema --check
	python3 larder/demo/check.py
	cd frontend && npm run --silent verify
	$(CARGO) test --workspace

schema: web ## Write schema/ and the other generated files anew
	$(BUILD)
	$(BIN)/larder schema

bench: web ## Measure speed and memory; prints medians of 5 and ratios
	$(BUILD)
	$(BIN)/bench

promises: web ## Try to break every promise of the shop, and show that it would be noticed (half an hour; ARGS=--small)
	$(BUILD)
	$(BIN)/promises $(ARGS)

journeys: web ## Walk through the shop in Chromium, against a shop that is opened for it
	$(BUILD)
	cd frontend && LARDER_BIN=$(abspath $(BIN))/larder npm run --silent journeys

# The bundles that the router serves: the storefront and GraphiQL. Built once, and again when their sources change.
web: router/graphiql/dist/.built frontend/dist/.built

frontend/dist/.built: frontend/package-lock.json schema/api.graphql $(wildcard frontend/*.ts frontend/*.js frontend/*.html frontend/public/* frontend/scripts/*) $(shell find frontend/src -type f ! -name graphql.ts 2>/dev/null)
	cd frontend && npm ci --no-audit --no-fund --loglevel=error && npm run --silent build
	@touch $@

router/graphiql/dist/.built: router/graphiql/package-lock.json $(wildcard router/graphiql/src/* router/graphiql/*.html router/graphiql/*.ts router/graphiql/*.js)
	cd router/graphiql && npm ci --no-audit --no-fund --loglevel=error && npm run --silent build
	@touch $@
