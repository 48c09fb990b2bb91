#!/bin/bash
# The page, in place at once: nginx never serves half of one.
set -euo pipefail

root="${BOOT_ROOT:-}" # another root folder, for tests
page="$root/srv/status/index.html"

# Quoted: an & in the replacement stands for what was found.
title="${TITLE//&/"&amp;"}"
title="${title//</"&lt;"}"
printf '<!doctype html><title>%s</title><h1>%s</h1>\n' "$title" "$title" >"$page.new"
chmod 0644 "$page.new"
mv "$page.new" "$page"
