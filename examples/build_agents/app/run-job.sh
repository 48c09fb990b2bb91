#!/bin/bash
# Runs a job: a message such as {"commit": "1a2b3c4", "suite": "checkout"}, on standard input.
set -euo pipefail

message="$(cat)"
commit="$(sed -nE 's/.*"commit": *"([0-9a-f]{7,40})".*/\1/p' <<<"$message")"
suite="$(sed -nE 's/.*"suite": *"([a-z-]+)".*/\1/p' <<<"$message")"
[[ -n $commit && -n $suite ]] || {
  printf 'the message names no commit and suite: %s\n' "$message" >&2
  exit 2
}
git clone --quiet "$REPOSITORY" shop
cd shop
git checkout --quiet "$commit"
aws s3 sync --only-show-errors "$CACHE_URL/packages" packages
make "test-$suite"
aws s3 sync --only-show-errors packages "$CACHE_URL/packages"
