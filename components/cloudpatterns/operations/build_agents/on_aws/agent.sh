#!/bin/bash
# Takes jobs from a queue, one at a time, until Auto Scaling or somebody ends the instance.
#
# While a job runs, the instance is protected from scale-in, and the message stays invisible. A job that ends is deleted, however it ended;
# one whose instance goes is given back to the queue.
#
# Parameters are shell variables that the caller sets above this text, quoted:
#   QUEUE_URL           the queue
#   JOB_COMMAND         what runs a job, as the user builder: it gets the message on standard input, JOB_ID and CACHE_URL
#   JOB_SECONDS         after which a job is ended
#   BUCKET              bucket of logs (logs/) and cache (cache/)
#   HOOK                name of the lifecycle hook
#   NAME                dimension of the metrics
set -euo pipefail
export LC_ALL=C

root="${BOOT_ROOT:-}" # another root folder, for tests
retry_seconds="${BOOT_RETRY_SECONDS:-5}"
invisible_seconds=300
handle='' job='' heartbeat='' before=''

say() { printf 'build-agent: %s\n' "$1"; }

metadata() {
  local token
  token="$(curl --fail --silent --max-time 5 --request PUT --header 'X-aws-ec2-metadata-token-ttl-seconds: 60' http://169.254.169.254/latest/api/token)"
  curl --fail --silent --max-time 5 --header "X-aws-ec2-metadata-token: $token" "http://169.254.169.254/latest/meta-data/$1"
}

visibility() {
  aws sqs change-message-visibility --queue-url "$QUEUE_URL" --receipt-handle "$handle" --visibility-timeout "$1"
}

protect() {
  aws autoscaling set-instance-protection --auto-scaling-group-name "$group" --instance-ids "$instance" "$1" >/dev/null
}

keep_invisible() {
  while sleep "$((invisible_seconds / 3))"; do visibility "$invisible_seconds" || say "could not keep the message invisible"; done
}

end_job() {
  if [[ -n $heartbeat ]]; then kill "$heartbeat" 2>/dev/null || true; fi
  if [[ -n $job ]]; then kill -TERM -- "-$job" 2>/dev/null || kill -TERM "$job" 2>/dev/null || true; fi
  heartbeat='' job=''
}

# The instance goes: another agent takes the job.
give_back() {
  end_job
  if [[ -n $handle ]]; then visibility 0 || say "could not give the job back; it comes back by itself"; fi
  exit 0
}
trap give_back TERM INT

# run_job ID BODY: runs it, and reports how it ended.
run_job() {
  local folder code=0 log
  folder="$(mktemp -d "$root/var/lib/build-agent/job.XXXXXX")"
  log="$folder/log"
  mkdir "$folder/work"
  chown builder "$folder" "$folder/work"
  printf '%s' "$2" >"$folder/message"
  keep_invisible &
  heartbeat=$!
  set -m
  (
    cd "$folder/work"
    exec env JOB_ID="$1" CACHE_URL="s3://$BUCKET/cache" timeout --kill-after=30 "$JOB_SECONDS" \
      runuser --user builder -- bash -c "$JOB_COMMAND" <"$folder/message" >"$log" 2>&1
  ) &
  job=$!
  set +m
  wait "$job" || code=$?
  job=''
  end_job
  say "job $1 ended with $code"
  aws s3 cp --only-show-errors "$log" "s3://$BUCKET/logs/$1.log" || say "could not keep the log of $1"
  aws cloudwatch put-metric-data --namespace CloudPatterns/BuildAgents --metric-name FailedJobs \
    --dimensions "Agents=$NAME" --unit Count --value "$((code == 0 ? 0 : 1))" || say "could not report how $1 ended"
  rm -rf -- "$folder"
}

instance="$(metadata instance-id)"
AWS_REGION="$(metadata placement/region)"
export AWS_REGION
group="$(aws autoscaling describe-auto-scaling-instances --instance-ids "$instance" \
  --query 'AutoScalingInstances[0].AutoScalingGroupName' --output text)"
mkdir -p "$root/var/lib/build-agent"
say "takes jobs for $group"
while true; do
  if [[ $(metadata autoscaling/target-lifecycle-state) == Terminated ]]; then
    aws autoscaling complete-lifecycle-action --auto-scaling-group-name "$group" --lifecycle-hook-name "$HOOK" \
      --instance-id "$instance" --lifecycle-action-result CONTINUE || say "the hook ends by itself"
    exit 0
  fi
  # What could not be protected once is protected before it asks: a job that is given back three times is parked.
  if [[ -n $before ]] && ! protect --protected-from-scale-in; then
    sleep "$retry_seconds"
    continue
  fi
  reply="$(aws sqs receive-message --queue-url "$QUEUE_URL" --max-number-of-messages 1 --wait-time-seconds "${WAIT_SECONDS:-20}" \
    --visibility-timeout "$invisible_seconds" --query 'Messages[0].[MessageId,ReceiptHandle,Body]' --output text)" || {
    say "could not ask for a job"
    sleep "$retry_seconds"
    continue
  }
  if [[ $reply == None || -z $reply ]]; then
    if [[ -n $before ]] && protect --no-protected-from-scale-in; then before=''; fi
    continue
  fi
  id="${reply%%$'\t'*}" rest="${reply#*$'\t'}"
  handle="${rest%%$'\t'*}"
  # An instance that is about to be terminated cannot be protected any more.
  if [[ -n $before ]] || protect --protected-from-scale-in; then
    before=''
    run_job "$id" "${rest#*$'\t'}"
    aws sqs delete-message --queue-url "$QUEUE_URL" --receipt-handle "$handle" || say "could not delete the message of $id"
    handle=''
    protect --no-protected-from-scale-in || say "could not end the protection"
  else
    visibility 0 || say "could not give the job back; it comes back by itself"
    handle='' before=yes
    sleep "$retry_seconds"
  fi
done
