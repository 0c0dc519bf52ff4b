{{/* What the sidecar is given as wsidecar.yaml: `config`, and what the chart knows. Here all that cannot work is refused. */}}
{{- define "wsidecar.config" -}}
{{- $w := .Values.wsidecar -}}
{{- $config := deepCopy ($w.config | default dict) -}}
{{- $redis := $config.redis | default dict -}}
{{- $app := $config.app | default dict -}}
{{- $admin := $config.admin | default dict -}}
{{- $listen := $config.listen | default dict -}}

{{- if not (or $redis.url $redis.sentinels) -}}
{{- fail "wsidecar.config.redis.url (or redis.sentinels) is needed: redis://HOST:6379/0" -}}
{{- end -}}
{{- if or $redis.password (get ($redis.sentinel | default dict) "password") (regexMatch "^[a-z]+://[^/@]*:[^/@]+@" (toString ($redis.url | default ""))) -}}
{{- fail "wsidecar.config.redis holds a password, which would stand in a ConfigMap: use wsidecar.secrets.redisPassword (sentinels': sentinelPassword)" -}}
{{- end -}}
{{- if not $redis.sentinels -}}
{{- range list "sentinelPassword" "sentinelCa" "sentinelTls" -}}
{{- if (index $w.secrets .).name | or ((index $w.secrets .).value) -}}
{{- fail (printf "wsidecar.secrets.%s: wsidecar.config.redis.sentinels names no sentinel" .) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- if $app.signing_secret -}}
{{- fail "wsidecar.config.app.signing_secret would stand in a ConfigMap: use wsidecar.secrets.signing" -}}
{{- end -}}
{{- if regexMatch "^(127\\.|localhost:|\\[::1\\])" (toString ($admin.address | default "")) -}}
{{- fail "wsidecar.config.admin.address: probes and Prometheus come to the pod's address, not to its loopback" -}}
{{- end -}}
{{- if regexMatch "^(127\\.|localhost:|\\[::1\\])" (toString ($listen.address | default "")) -}}
{{- fail "wsidecar.config.listen.address: clients come to the pod's address, not to its loopback" -}}
{{- end -}}
{{- range list ($admin.address | default ":9090") ($listen.address | default ":8000") -}}
{{- if or (not (regexMatch ":[0-9]+$" (toString .))) (hasSuffix ":0" (toString .)) -}}
{{- fail (printf "wsidecar.config: '%s' must end in a fixed port" (toString .)) -}}
{{- end -}}
{{- end -}}
{{- $client := include "wsidecar.clientPort" . -}}
{{- if eq $client (include "wsidecar.adminPort" .) -}}
{{- fail (printf "wsidecar.config.admin.address: port %s is listen.address's too" $client) -}}
{{- end -}}
{{- $url := $app.url | default (printf "http://127.0.0.1:%d" (int $w.appPort)) -}}
{{- $local := regexFind "^http://(127[0-9.]*|localhost|\\[::1\\])(:[0-9]+)?(/|$)" $url -}}
{{- $port := regexFind ":[0-9]+/?$" $local | trimPrefix ":" | trimSuffix "/" | default "80" -}}
{{- if and $local (has $port (list $client (include "wsidecar.adminPort" .))) -}}
{{- $where := ternary "config.app.url" "appPort" (not (empty $app.url)) -}}
{{- fail (printf "wsidecar.%s: port %s is wsidecar's own (config.listen.address, config.admin.address)" $where $port) -}}
{{- end -}}
{{- if and $redis.sentinels (not $redis.master) -}}
{{- fail "wsidecar.config.redis.master is needed: the master's name, as the sentinels know it" -}}
{{- end -}}
{{- range $w.volumeMounts -}}
{{- if regexMatch "^/etc/wsidecar(/|$)" .mountPath -}}
{{- fail (printf "wsidecar.volumeMounts: %s: the configuration and its secrets are mounted at /etc/wsidecar" .mountPath) -}}
{{- end -}}
{{- end -}}
{{- range $w.env -}}
{{- if regexMatch "^(WSIDECAR_(DRAIN|LISTEN|ADMIN|APP_URL|PREFIX|CONFIG|REDIS_PASSWORD$)|POD_NAME$)" .name -}}
{{- fail (printf "wsidecar.env: %s would contradict what the chart computes with; set it in wsidecar.config" .name) -}}
{{- end -}}
{{- end -}}

{{- $files := "/etc/wsidecar" -}}
{{- if include "wsidecar.secret" (list $w.secrets.redisPassword "redisPassword") -}}
{{- $_ := set $redis "password_file" (printf "%s/redis-password" $files) -}}
{{- end -}}
{{- $tls := $redis.tls | default dict -}}
{{- if $w.secrets.redisCa.name -}}{{- $_ := set $tls "ca" (printf "%s/redis-ca.crt" $files) -}}{{- end -}}
{{- if $w.secrets.redisTls.name -}}
{{- $_ := set $tls "cert" (printf "%s/redis-tls.crt" $files) -}}
{{- $_ := set $tls "key" (printf "%s/redis-tls.key" $files) -}}
{{- end -}}
{{- if $tls -}}{{- $_ := set $redis "tls" $tls -}}{{- end -}}
{{- $sentinel := $redis.sentinel | default dict -}}
{{- if include "wsidecar.secret" (list $w.secrets.sentinelPassword "sentinelPassword") -}}
{{- $_ := set $sentinel "password_file" (printf "%s/sentinel-password" $files) -}}
{{- end -}}
{{- $tls = $sentinel.tls | default dict -}}
{{- if $w.secrets.sentinelCa.name -}}{{- $_ := set $tls "ca" (printf "%s/sentinel-ca.crt" $files) -}}{{- end -}}
{{- if $w.secrets.sentinelTls.name -}}
{{- $_ := set $tls "cert" (printf "%s/sentinel-tls.crt" $files) -}}
{{- $_ := set $tls "key" (printf "%s/sentinel-tls.key" $files) -}}
{{- end -}}
{{- if $tls -}}{{- $_ := set $sentinel "tls" $tls -}}{{- end -}}
{{- if $sentinel -}}{{- $_ := set $redis "sentinel" $sentinel -}}{{- end -}}
{{- $_ := set $config "redis" $redis -}}
{{- if $w.secrets.listenTls.name -}}
{{- $_ := set $listen "tls" (dict "cert" (printf "%s/listen-tls.crt" $files) "key" (printf "%s/listen-tls.key" $files)) -}}
{{- $_ := set $config "listen" $listen -}}
{{- end -}}
{{- if include "wsidecar.secret" (list $w.secrets.signing "signing") -}}
{{- $_ := set $app "signing_secret_file" (printf "%s/signing-secret" $files) -}}
{{- end -}}
{{- if not $app.url -}}{{- $_ := set $app "url" (printf "http://127.0.0.1:%d" (int $w.appPort)) -}}{{- end -}}
{{- $_ := set $config "app" $app -}}
{{- if include "wsidecar.secret" (list $w.secrets.adminToken "adminToken") -}}
{{- $_ := set $admin "token_file" (printf "%s/admin-token" $files) -}}
{{- $_ := set $config "admin" $admin -}}
{{- end -}}
{{- $_ := set $config "prefix" (include "wsidecar.prefix" .) -}}
{{- if and $redis.cluster (not (regexMatch "\\{[^}]+\\}" $config.prefix)) -}}
{{- fail "wsidecar.prefix: a Redis Cluster needs a hash tag in it, like {shop}:" -}}
{{- end -}}
{{ toYaml $config }}
{{- end }}

{{/* The one in force. An app that pushes needs it: <prefix>outbox, <prefix>user:alice. */}}
{{- define "wsidecar.prefix" -}}
{{- $w := .Values.wsidecar -}}
{{- $own := printf "%s:%s" .Release.Namespace .Release.Name -}}
{{- if (($w.config).redis).cluster -}}{{- $own = printf "{%s}" $own -}}{{- end -}}
{{ ($w.config).prefix | default $w.prefix | default (printf "%s:" $own) }}
{{- end }}

{{/* Where a secret is, "made" or "given", or nothing: list SECRET NAME. */}}
{{- define "wsidecar.secret" -}}
{{- $s := index . 0 -}}
{{- if and $s.value $s.name -}}
{{- fail (printf "wsidecar.secrets.%s: either value or name" (index . 1)) -}}
{{- end -}}
{{- if $s.value }}made{{ else if $s.name }}given{{ end -}}
{{- end }}

{{/* The keys of the chart's own Secret. */}}
{{- define "wsidecar.secretData" -}}
{{- with .Values.wsidecar.secrets -}}
{{- with .redisPassword.value }}
redis-password: {{ . | b64enc }}
{{- end }}
{{- with .sentinelPassword.value }}
sentinel-password: {{ . | b64enc }}
{{- end }}
{{- with .signing.value }}
signing-secret: {{ . | b64enc }}
{{- end }}
{{- with .adminToken.value }}
admin-token: {{ . | b64enc }}
{{- end }}
{{- end -}}
{{- end }}

{{- define "wsidecar.drainDelay" -}}
{{ include "wsidecar.seconds" (dig "delay" "5s" ((.Values.wsidecar.config).drain | default dict)) }}
{{- end }}

{{- define "wsidecar.drainPeriod" -}}
{{ include "wsidecar.seconds" (dig "period" "20s" ((.Values.wsidecar.config).drain | default dict)) }}
{{- end }}

{{/* How long the app waits in its preStop. Both preStops start together; 2 s are for the last answers and disconnect events. */}}
{{- define "wsidecar.appWait" -}}
{{ add (include "wsidecar.drainDelay" .) (include "wsidecar.drainPeriod" .) 2 }}
{{- end }}

{{/*
terminationGracePeriodSeconds: the longer of the app's end and the drain's, and 5 s. Beyond delay and period a drain takes at most
some 8 s for clients that answer no close, 10 s for disconnect events that the app does not take, and 2 s to end.
*/}}
{{- define "wsidecar.gracePeriod" -}}
{{- $w := .Values.wsidecar -}}
{{- $app := add (include "wsidecar.appWait" .) (int $w.appStopSeconds) -}}
{{- $drain := add (include "wsidecar.drainDelay" .) (include "wsidecar.drainPeriod" .) 20 -}}
{{- $least := add (max $app $drain) 5 -}}
{{- $wanted := int $w.gracePeriodSeconds -}}
{{- if and (gt $wanted 0) (lt $wanted (int $least)) -}}
{{- fail (printf "wsidecar.gracePeriodSeconds: %d is too short: drain.delay, drain.period and appStopSeconds need %d" $wanted (int $least)) -}}
{{- end -}}
{{ if gt $wanted 0 }}{{ $wanted }}{{ else }}{{ $least }}{{ end }}
{{- end }}

{{- define "wsidecar.leaseSeconds" -}}
{{ include "wsidecar.seconds" (((.Values.wsidecar.config).lease) | default "15s") }}
{{- end }}

{{- define "wsidecar.outboxGrace" -}}
{{ include "wsidecar.seconds" (toString (dig "grace" "30s" ((.Values.wsidecar.config).outbox | default dict))) }}
{{- end }}

{{/* How long a sidecar that hangs stays: the liveness probe's failures, its grace period, and a start. */}}
{{- define "wsidecar.hungSeconds" -}}
{{- $probe := .Values.wsidecar.probes.liveness -}}
{{- $grace := $probe.terminationGracePeriodSeconds | default (include "wsidecar.gracePeriod" . | int) -}}
{{ add (mul ($probe.periodSeconds | default 10) ($probe.failureThreshold | default 3)) ($probe.timeoutSeconds | default 1) (max 2 (int $grace)) 2 }}
{{- end }}
