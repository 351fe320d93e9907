{{- /* What every container of the agent has: environment, rights, mounts. */}}
{{- define "logboom.container" -}}
{{- $dataDir := include "logboom.dataDir" . -}}
image: {{ include "logboom.image" . }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
env:
  - name: NODE_NAME # a part of every document's id
    valueFrom: {fieldRef: {fieldPath: spec.nodeName}}
  - name: POD_NAMESPACE # its own logs are not read
    valueFrom: {fieldRef: {fieldPath: metadata.namespace}}
  - name: POD_NAME # and LOCK names who has the buffer
    valueFrom: {fieldRef: {fieldPath: metadata.name}}
  - name: POD_IP
    valueFrom: {fieldRef: {fieldPath: status.podIP}}
  {{- with .Values.env }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- with .Values.envFrom }}
envFrom:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.resources }}
resources:
  {{- toYaml . | nindent 2 }}
{{- end }}
securityContext:
  {{- if .Values.unprivileged }}
  runAsUser: 1000
  runAsGroup: 0 # log files belong to root's group, which may read them
  runAsNonRoot: true
  {{- else }}
  runAsUser: 0 # owns the log files: so it needs no capability to read and hard-link them
  runAsGroup: 0
  {{- end }}
  allowPrivilegeEscalation: false
  privileged: false
  readOnlyRootFilesystem: true
  capabilities:
    drop: [ALL]
    {{- if and .Values.nodeLogs.enabled .Values.nodeLogs.readAll }}
    add: [DAC_READ_SEARCH]
    {{- end }}
  seccompProfile: {type: RuntimeDefault}
volumeMounts:
  {{- if .Values.unprivileged }}
  - {name: log, mountPath: /var/log, readOnly: true}
  {{- else }}
  # One mount for logs and buffer: a hard link can't cross two.
  - {name: log, mountPath: /var/log}
  {{- end }}
  {{- if include "logboom.ownVolume" . }}
  - {name: buffer, mountPath: {{ $dataDir }}}
  {{- end }}
  - {name: config, mountPath: /etc/logboom, readOnly: true}
  {{- if include "logboom.secret" . }}
  - {name: secrets, mountPath: /etc/logboom-secrets, readOnly: true}
  {{- end }}
  {{- with .Values.extraVolumeMounts }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end }}

{{- /* The kubelet makes a hostPath's folder for root alone. Its owner may open it to group 0, and needs no capability for that. */}}
{{- define "logboom.prepare" -}}
- name: prepare
  image: {{ include "logboom.image" . }}
  imagePullPolicy: {{ .Values.image.pullPolicy }}
  args: [prepare, {{ include "logboom.dataDir" . }}]
  resources:
    requests: {cpu: 10m, memory: 32Mi}
    limits: {memory: 64Mi}
  securityContext:
    runAsUser: 0
    runAsGroup: 0
    allowPrivilegeEscalation: false
    privileged: false
    readOnlyRootFilesystem: true
    capabilities:
      drop: [ALL]
    seccompProfile: {type: RuntimeDefault}
  volumeMounts:
    - {name: buffer, mountPath: {{ include "logboom.dataDir" . }}}
{{- end }}
