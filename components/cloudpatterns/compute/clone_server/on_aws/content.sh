#!/bin/bash
# Brings the content of the master to S3 (MODE master), and from there to a clone (MODE clone). As root, on a timer; the second run changes
# nothing.
#
# The master writes the files first and the marker last; a clone takes nothing before there is a marker, so what its image has stays.
#
# Parameters are shell variables that the caller sets above this text, quoted:
#   MODE     master or clone
#   BUCKET   name of the bucket
#   FOLDER   folder of the content, from /
set -euo pipefail
export LC_ALL=C
umask 022

root="${BOOT_ROOT:-}" # another root folder, for tests

fail() {
  printf 'content: %s\n' "$1" >&2
  exit 1
}

[[ ${MODE:-} =~ ^(master|clone)$ ]] || fail "MODE is not master or clone"
[[ ${BUCKET:-} =~ ^[a-z0-9][a-z0-9.-]+$ ]] || fail "BUCKET is not the name of a bucket"
[[ ${FOLDER:-} =~ ^(/[A-Za-z0-9._-]+)+$ && $FOLDER/ != */../* ]] || fail "FOLDER is not a folder from /"
folder="$root$FOLDER"
uri="s3://$BUCKET/content/"
marker="s3://$BUCKET/marker"
new=yes

# A run that takes longer than the timer's interval is not joined by another.
mkdir -p "$root/run/lock"
exec 9>"$root/run/lock/clone-content"
flock --nonblock 9 || exit 0

if [[ $MODE == master ]]; then
  # A mistyped or unmounted folder must not empty what the clones have.
  [[ -d $folder && -n $(ls -A "$folder") ]] || fail "$FOLDER has no files: nothing was published"
  # It stays after a run that failed: the next one writes the marker though it finds nothing to copy.
  unmarked="$root/var/lib/clone-content-unmarked"
  mkdir -p "$(dirname "$unmarked")"
  [[ -e $unmarked ]] || ! aws s3 cp "$marker" - >/dev/null 2>&1 || new=
  touch "$unmarked"
  copied=$(aws s3 sync "$folder" "$uri" --delete --no-follow-symlinks --no-progress) || fail "$FOLDER could not be copied to $uri"
  if [[ -n $copied || -n $new ]]; then
    date +%s%N | aws s3 cp - "$marker" --no-progress >/dev/null || fail "the marker could not be written to $marker"
  fi
  rm "$unmarked"
  exit 0
fi

found=$(aws s3api list-objects-v2 --bucket "$BUCKET" --prefix marker --query "length(Contents || \`[]\`)" --output text) ||
  fail "s3://$BUCKET could not be read"
[[ $found != 0 ]] || exit 0
current=$(aws s3 cp "$marker" -) || fail "$marker could not be read"
seen="$root/var/lib/clone-content"
[[ ! -e $seen || $(cat "$seen") != "$current" ]] || exit 0
mkdir -p "$folder" "$(dirname "$seen")"
aws s3 sync "$uri" "$folder" --delete --exact-timestamps --no-progress >/dev/null || fail "$uri could not be copied to $FOLDER"
printf '%s\n' "$current" >"$seen.new"
mv "$seen.new" "$seen"
