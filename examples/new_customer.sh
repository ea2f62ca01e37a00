#!/bin/sh
# Sign somebody up at the local stack of `make up`, with the free plan's credits; print the uid.
set -eu
ask() { curl -sf --retry 3 --retry-all-errors "$@"; }
field() { python3 -c "import json, sys; print(json.load(sys.stdin)['$1'])"; }

account=$(ask "http://$FIREBASE_AUTH_EMULATOR_HOST/identitytoolkit.googleapis.com/v1/accounts:signUp?key=local" \
  -H 'Content-Type: application/json' -d '{"returnSecureToken": true}')
token=$(printf '%s' "$account" | field idToken)
ask -o /dev/null "$HUB_URL/usage/me" -H "Authorization: Bearer $token" -H "X-Firebase-AppCheck: $APP_CHECK_TOKEN"
printf '%s' "$account" | field localId
