# Every target is one line that calls the real tool. `make demo` and `make test` install what they need.
CARGO ?= cargo
ALL := --workspace --features kstreams/rocksdb,system-tests/rocksdb

.PHONY: demo test measure lint docs

demo: ## transit, live in the browser; pass flags with ARGS="--speed 10"
	@scripts/setup demo && $(CARGO) run --locked -p transit-demo --bin transit-demo -- $(ARGS)

test: ## every test there is, with a count at the end
	@scripts/setup test && scripts/test $(ALL)

measure: ## an hour and a day of simulated time: CPU, memory, lag
	@scripts/setup demo && scripts/measure

lint: ## formatting and clippy, without a warning
	@$(CARGO) fmt --all --check && $(CARGO) clippy --locked $(ALL) --all-targets -- -D warnings

docs: ## the API's documentation, without a warning
	@RUSTDOCFLAGS="-D warnings" $(CARGO) doc --locked --workspace --no-deps
