{{- define "logboom.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- define "logboom.fullname" -}}
{{- $name := include "logboom.name" . }}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 63 | trimSuffix "-" }}
{{- else if contains $name .Release.Name }}
{{- .Release.Name | trunc 63 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name $name | trunc 63 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{- /* Of what has no namespace: two releases of one name in two namespaces don't share it. */}}
{{- define "logboom.clusterName" -}}
{{- printf "%s-%s" .Release.Namespace (include "logboom.fullname" .) }}
{{- end }}

{{- /* What the DaemonSet selects its pods by: it can't be changed later. */}}
{{- define "logboom.selector" -}}
app.kubernetes.io/name: {{ include "logboom.name" . | quote }}
app.kubernetes.io/instance: {{ .Release.Name | quote }}
{{- end }}

{{- define "logboom.labels" -}}
{{ include "logboom.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end }}

{{- define "logboom.serviceAccount" -}}
{{- if .Values.serviceAccount.create }}
{{- default (include "logboom.fullname" .) .Values.serviceAccount.name }}
{{- else }}
{{- default "default" .Values.serviceAccount.name }}
{{- end }}
{{- end }}

{{- define "logboom.image" -}}
{{- with .Values.image }}
{{- .repository }}{{ if .digest }}@{{ .digest }}{{ else }}:{{ default $.Chart.AppVersion .tag }}{{ end }}
{{- end }}
{{- end }}

{{- /* Where the buffer is: under the log volume, so that hard links work, or on its own where that is read-only. */}}
{{- define "logboom.dataDir" -}}
{{- get .Values.config "data_dir" | default (ternary "/var/lib/logboom" "/var/log/logboom" .Values.unprivileged) }}
{{- end }}

{{- define "logboom.ownVolume" -}}
{{- if not (hasPrefix "/var/log/" (include "logboom.dataDir" .)) }}yes{{ end }}
{{- end }}

{{- /* Whether the agent asks the API for pods. */}}
{{- define "logboom.asksAPI" -}}
{{- if ne (get (get .Values.config "metadata" | default dict) "source") "none" }}yes{{ end }}
{{- end }}

{{- /* And for the labels of namespaces. */}}
{{- define "logboom.asksNamespaces" -}}
{{- if get (get .Values.config "metadata" | default dict) "namespace_labels" }}yes{{ end }}
{{- end }}

{{- define "logboom.port" -}}
{{- regexFind "[0-9]+$" .Values.config.http.listen }}
{{- end }}

{{- /* How many seconds a duration of the configuration is, such as 1m30s. */}}
{{- define "logboom.seconds" -}}
{{- $units := dict "ns" 1e-9 "us" 1e-6 "µs" 1e-6 "ms" 1e-3 "s" 1.0 "m" 60.0 "h" 3600.0 }}
{{- $sum := 0.0 }}
{{- range regexFindAll "[0-9.]+(ns|us|µs|ms|s|m|h)" . -1 }}
{{- $sum = addf $sum (mulf (regexFind "[0-9.]+" . | float64) (get $units (regexFind "[a-zµ]+$" .))) }}
{{- end }}
{{- $sum }}
{{- end }}

{{- define "logboom.secret" -}}
{{- if .Values.credentials.existingSecret }}
{{- .Values.credentials.existingSecret }}
{{- else if .Values.credentials.data }}
{{- include "logboom.fullname" . }}
{{- end }}
{{- end }}

{{- /* The agent's configuration: config, and what other values say. */}}
{{- define "logboom.config" -}}
{{- $c := deepCopy .Values.config }}
{{- $_ := set $c "data_dir" (include "logboom.dataDir" .) }}
{{- $delivery := get $c "delivery" | default dict }}
{{- if not (hasKey $delivery "grace") }}
{{- $_ := set $delivery "grace" (printf "%ds" (sub (int .Values.terminationGracePeriodSeconds) 10)) }}
{{- end }}
{{- $left := subf .Values.terminationGracePeriodSeconds (include "logboom.seconds" (toString $delivery.grace)) }}
{{- if lt $left 5.0 }}
{{- fail (printf "config.delivery.grace (%v) must be at least 5 seconds less than terminationGracePeriodSeconds (%v), or the kubelet kills an agent that is still delivering" $delivery.grace .Values.terminationGracePeriodSeconds) }}
{{- end }}
{{- $_ := set $c "delivery" $delivery }}
{{- with .Values.nodeLogs }}
{{- if .enabled }}
{{- $_ := set $c "inputs" (append $c.inputs (dict "files" (dict "paths" .paths "format" .format))) }}
{{- end }}
{{- end }}
{{- toYaml $c }}
{{- end }}
