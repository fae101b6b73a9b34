# Comeback. `make` lists what there is.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.PHONY: help setup build test chaos teeth fair proxies lint types bench fuzz clean

OUT ?= reports/out
PARALLEL ?= 3
FUZZTIME ?= 50000x
TYPES := extension/types
K6 := bin/k6

help: ## list the targets
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## (.*)/  make \1\t\2/' | expand -t 16

setup: ## install what is missing (apt and root), or print the command that does
	@bash .ci/setup

build: ## build bin/k6, bin/consumer, bin/proxy, bin/legacy-consumer, bin/legacy-proxy and bin/recovering
	@go build -o bin/ ./cmd/k6 ./targets/consumer/cmd/consumer ./targets/proxy/cmd/proxy ./targets/legacy/cmd/legacy-consumer ./targets/legacy/cmd/legacy-proxy ./examples/recovering

# Four side by side whatever the processors: the long ones wait for brokers, servers and heartbeats.
test: setup build ## all tests, with the race detector
	go test -race -parallel 4 ./...

chaos: setup build ## run every scenario against our targets; reports in reports/out
	$(K6) x comeback suite --out $(OUT) --parallel $(PARALLEL) scenarios

teeth: setup build ## run every scenario on each defect that it must catch
	$(K6) x comeback suite --teeth --out $(OUT) --parallel $(PARALLEL) scenarios

fair: setup build ## run the consumer's scenarios on a consumer that is different, and correct too
	$(K6) x comeback suite --target consumer=recovering --out $(OUT)/recovering --parallel $(PARALLEL) scenarios

PROXIES := $(if $(OURS),,proxy) haproxy nginx
proxies: setup build ## run the proxy's scenarios on our proxy (OURS=<folder>: there it was run), haproxy and nginx: all must be as docs/proxies.md says; UPDATE=1 writes that
	@for p in $(PROXIES); do \
	  $(K6) x comeback suite --target proxy=$$p --out $(OUT)/proxies/$$p --parallel $(PARALLEL) scenarios || [ $$? -le 2 ]; \
	done
	$(K6) x comeback compare --title 'The same scenarios on three proxies' --known docs/proxies.yaml --page docs/proxies.md \
	  $(if $(UPDATE),--update) $(if $(OURS),proxy=$(OURS)) $(foreach p,$(PROXIES),$(p)=$(OUT)/proxies/$(p))

lint: types ## gofmt, go vet, staticcheck, and the scenarios against index.d.ts
	@test -z "$$(gofmt -l $$(git ls-files '*.go'))" || { echo "gofmt these:"; gofmt -l $$(git ls-files '*.go'); exit 1; }
	go vet ./...
	go tool staticcheck ./...

types: $(TYPES)/node_modules/.package-lock.json
	cd $(TYPES) && node_modules/.bin/tsc --noEmit -p .

$(TYPES)/node_modules/.package-lock.json: $(TYPES)/package-lock.json $(TYPES)/package.json
	@command -v npm >/dev/null || { echo "npm is missing: apt-get install -y npm"; exit 3; }
	npm ci --prefix $(TYPES) --no-progress --loglevel=error
	@touch $@

bench: setup build ## the benchmarks, side by side; BENCH=<regexp> chooses, BENCHTIME and COUNT say how long and how often
	go test -run '^$$' -bench '$(or $(BENCH),.)' -benchmem -benchtime $(or $(BENCHTIME),1s) -count $(or $(COUNT),1) -timeout 60m ./extension ./fakes/... ./harness/... ./targets/...

fuzz: ## every fuzz target, FUZZTIME (50000x: so many inputs) each
	@for package in $$(go list ./...); do \
	  dir=$$(go list -f '{{.Dir}}' $$package); \
	  for target in $$(grep -hoE '^func Fuzz[A-Za-z0-9_]*' $$dir/*_test.go 2>/dev/null | cut -c6- || true); do \
	    echo "$$package $$target"; \
	    go test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 200x $$package; \
	  done; \
	done

clean: ## remove what was built and reported
	rm -rf bin reports/out $(TYPES)/node_modules
