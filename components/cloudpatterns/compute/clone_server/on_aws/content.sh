#!/bin/bash
# Brings the content of the master to S3 (MODE master), and from there to a clone (MODE clone). As root, on a timer; the second run changes
# nothing.
#
# The master writes the files first and the marker last; a clone takes nothing before there is a marker, so what its image has stays.
#
# Parameters are shell variables that the caller sets above this text, quoted:
#   MODE       master or clone
#   BUCKET     name of the bucket
#   PREFIX     where the content is in the bucket, without a slash at its end
#   FOLDER     folder of the content, from /
#   HEARTBEAT  yes: the master sends a metric after each run that did its work
set -euo pipefail
export LC_ALL=C
umask 022

root="${BOOT_ROOT:-}" # another root folder, for tests

fail() {
  printf 'content: %s\n' "$1" >&2
  exit 1
}

metadata() {
  curl --fail --silent --show-error --max-time 5 --retry 3 --header "X-aws-ec2-metadata-token: $token" \
    "http://169.254.169.254/latest/meta-data/$1" || fail "the instance metadata service does not answer"
}

[[ ${MODE:-} =~ ^(master|clone)$ ]] || fail "MODE is not master or clone"
[[ ${BUCKET:-} =~ ^[a-z0-9][a-z0-9.-]+$ ]] || fail "BUCKET is not the name of a bucket"
[[ ${PREFIX:-} =~ ^[A-Za-z0-9._-]+$ ]] || fail "PREFIX is not a prefix"
[[ ${FOLDER:-} =~ ^(/[A-Za-z0-9._-]+)+$ && $FOLDER/ != */../* ]] || fail "FOLDER is not a folder from /"
folder="$root$FOLDER"
uri="s3://$BUCKET/$PREFIX/content/"
marker="s3://$BUCKET/$PREFIX/marker"
state="$root/var/lib/cloudpatterns-content"

# A run that takes longer than the timer's interval is not joined by another.
mkdir -p "$root/run/lock"
exec 9>"$root/run/lock/cloudpatterns-content"
flock --nonblock 9 || exit 0

token="$(curl --fail --silent --show-error --max-time 5 --retry 3 --request PUT --header 'X-aws-ec2-metadata-token-ttl-seconds: 60' \
  http://169.254.169.254/latest/api/token)" || fail "the instance metadata service does not answer"
# An image carries this script from the master to the clones: there it does nothing until the boot script has replaced it.
instance="$(metadata instance-id)"
[[ $(cat "$state/instance" 2>/dev/null) == "$instance" ]] || exit 0
AWS_REGION="$(metadata placement/region)"
export AWS_REGION

# What all servers share is no content of one of them: a copy would be on each, and --delete would empty it for all.
real="$(realpath --canonicalize-missing "$folder")"
real="${real#"$root"}"
sync=(aws s3 sync --delete --no-progress)
while read -r _ mounted type _; do
  mounted="$(printf '%b' "$mounted")"
  if [[ $mounted == "$real"/* && $type =~ ^(nfs4?|autofs|cifs|smb3|lustre|ceph|fuse(\..+)?)$ ]]; then
    mounted="${mounted#"$real"/}"
    # In a pattern, [ begins a set; one that matches more leaves more files alone.
    sync+=(--exclude "${mounted//\[/?}/*")
  fi
done <"$root/proc/self/mounts"

if [[ $MODE == master ]]; then
  # A mistyped or unmounted folder must not empty what the clones have.
  [[ -d $folder && -n $(ls -A "$folder") ]] || fail "$FOLDER has no files: nothing was published"
  # It stays after a run that failed: the next one writes the marker though it finds nothing to copy.
  unmarked=
  [[ ! -e $state/unmarked ]] || unmarked=yes
  touch "$state/unmarked"
  copied=$("${sync[@]}" --no-follow-symlinks "$folder" "$uri") || fail "$FOLDER could not be copied to $uri"
  if [[ -n $copied || -n $unmarked ]] || ! aws s3 cp "$marker" - >/dev/null 2>&1; then
    date +%s%N | aws s3 cp - "$marker" --no-progress >/dev/null || fail "the marker could not be written to $marker"
  fi
  rm "$state/unmarked"
  if [[ -n ${HEARTBEAT:-} ]]; then
    aws cloudwatch put-metric-data --namespace CloudPatterns/CloneServer --metric-name ContentPublished --unit Count --value 1 \
      --dimensions "Content=$BUCKET/$PREFIX" || fail "$FOLDER was published, but not the metric that says so"
  fi
  exit 0
fi

# The answer of S3 says whether there is a marker, and whether it is another one.
current=$(aws s3api list-objects-v2 --bucket "$BUCKET" --prefix "$PREFIX/marker" --query "Contents[0].[ETag, LastModified]" --output text) ||
  fail "s3://$BUCKET could not be read"
[[ $current != None ]] || exit 0
[[ ! -e $state/seen || $(cat "$state/seen") != "$current" ]] || exit 0
mkdir -p "$folder"
"${sync[@]}" --exact-timestamps "$uri" "$folder" >/dev/null || fail "$uri could not be copied to $FOLDER"
printf '%s\n' "$current" >"$state/seen.new"
mv "$state/seen.new" "$state/seen"
