# Every target is one line that calls the real tool. `make demo` and `make test` install what they need.
CARGO ?= cargo
ALL := --workspace --features kstreams/rocksdb,system-tests/rocksdb,kstreams/kafka,system-tests/kafka,system-tests/kafka-tls

.DEFAULT_GOAL := help
.PHONY: help demo demo-kafka test soak scaling simulation-matrix simulation-hashes kafka-start kafka-stop measure bench bench-growth bench-embedded bench-micro instructions lint docs

help: ## the targets
	@sed -n 's/^\([a-z-]*\): ## /\1	/p' $(MAKEFILE_LIST) | expand -t 20

demo: ## transit, live in the browser; pass flags with ARGS="--speed 10"
	@scripts/setup demo && $(CARGO) run --locked -p transit-demo --bin transit-demo -- $(ARGS)

# Transit's programs, each a process of its own, with the client of Apache Kafka.
TRANSIT := $(addprefix -p transit-,producers gateway stations-source stations turnstiles dashboard)

demo-kafka: ## the same on three real brokers, each part its own process; ARGS="--brokers 1" TRANSIT_SPEED=10
	@scripts/setup demo-kafka && $(CARGO) build --locked $(TRANSIT) --features kafka && scripts/demo-kafka $(ARGS)

test: ## every test there is, with a count at the end
	@scripts/setup test && scripts/test $(ALL)

# Without `bench`, which asks for RocksDB and librdkafka.
PURE := --workspace --exclude bench
SIMULATION := test --locked $(PURE) --test simulation

# With KILLS the soak is one of real processes on real brokers.
KILL_TEST := test --locked $(ALL) --test kills --

soak: ## simulations, as many as wanted, on all cores: SEEDS=20000 FROM=0; one again with CASE=joined SEED=7 TRACE=1; on real brokers with KILLS=400
	@scripts/setup $(if $(KILLS),test,demo) && $(CARGO) $(if $(KILLS),$(KILL_TEST) --kills $(KILLS) $(if $(SEED),--seed $(SEED)) $(ARGS),\
		$(SIMULATION) -- $(if $(SEED),--seed $(SEED),--seeds $(or $(SEEDS),20000)) \
		$(if $(FROM),--from $(FROM)) $(if $(CASE),--case $(CASE)) $(if $(TRACE),--trace))

scaling: ## from one instance to four and back, under load on a real broker, with both group protocols; prints rollbacks and pauses
	@scripts/setup test && $(CARGO) $(KILL_TEST) --scaling $(ARGS)

simulation-matrix: ## looks for every deliberately broken variant, and writes docs/reference/simulation-matrix.md (CHECK=1: compares)
	@scripts/setup demo && $(CARGO) $(SIMULATION) --features system-tests/broken -- --matrix $(if $(CHECK),--check,--write)

simulation-hashes: ## the same seeds in debug and release, twice: their traces must be the same
	@scripts/setup demo && scripts/simulation-hashes $(SIMULATION)

kafka-start: ## a real broker on this machine; three of them with ARGS="--brokers 3"
	@scripts/kafka start $(ARGS)

kafka-stop: ## stops it; its data stays
	@scripts/kafka stop

measure: ## an hour and a day of simulated time: CPU, memory, lag
	@scripts/setup demo && scripts/measure

bench: ## side by side with Kafka Streams and a bare loop, on a real broker; ARGS="--records 10000000 --runs 5"
	@scripts/setup test && $(CARGO) build --locked --release -p bench && $(CARGO) run --locked --release -q -p bench --bin compare -- $(ARGS)

bench-growth: ## how cost, memory and the start grow with partitions, tasks, keys and values; draws docs/reference/growth.svg
	@scripts/setup test && $(CARGO) build --locked --release -p bench && $(CARGO) run --locked --release -q -p bench --bin compare -- \
		--growth docs/reference/growth.svg $(or $(ARGS),--records 1000000)

bench-embedded: ## counts on the embedded log, in memory and in a directory, beside Kafka: what durability costs
	@scripts/setup test && $(CARGO) build --locked --release -p bench && $(CARGO) run --locked --release -q -p bench --bin compare -- \
		--embedded $(or $(ARGS),--records 1000000)

bench-micro: ## what a record passes through, timed by Criterion; ARGS=cache
	@scripts/setup demo && $(CARGO) bench --locked -p kstreams --bench micro -- $(ARGS)

instructions: ## what a record costs in instructions, against framework/benches/instructions.txt (WRITE=1: writes it)
	@scripts/setup instructions && $(CARGO) bench --locked -p kstreams --bench instructions -- $(if $(WRITE),--write)

lint: ## formatting and clippy, without a warning
	@$(CARGO) fmt --all --check && $(CARGO) clippy --locked $(ALL) --all-targets -- -D warnings

docs: ## the API's documentation, without a warning
	@RUSTDOCFLAGS="-D warnings" $(CARGO) doc --locked $(PURE) --no-deps
