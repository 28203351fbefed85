{{- define "dpattn.name" -}}
{{ .Values.nameOverride | default .Chart.Name | trunc 40 | trimSuffix "-" }}
{{- end }}

{{- /* The name of a release may have dots and begin with a digit, the name of a service not. */}}
{{- define "dpattn.fullname" -}}
{{- $release := .Release.Name | replace "." "-" -}}
{{- if regexMatch "^[0-9]" $release }}{{ $release = printf "r-%s" $release }}{{ end -}}
{{- if .Values.fullnameOverride -}}
{{ .Values.fullnameOverride | trunc 40 | trimSuffix "-" }}
{{- else if contains (include "dpattn.name" .) $release -}}
{{ $release | trunc 40 | trimSuffix "-" }}
{{- else -}}
{{ printf "%s-%s" $release (include "dpattn.name" .) | trunc 40 | trimSuffix "-" }}
{{- end -}}
{{- end }}

{{- /* What a selector selects by; it never changes. Takes (root, component). */}}
{{- define "dpattn.selector" -}}
app.kubernetes.io/name: {{ include "dpattn.name" (first .) }}
app.kubernetes.io/instance: {{ (first .).Release.Name }}
app.kubernetes.io/component: {{ last . }}
{{- end }}

{{- define "dpattn.labels" -}}
{{ include "dpattn.selector" . }}
app.kubernetes.io/version: {{ (first .).Chart.AppVersion | quote }}
app.kubernetes.io/part-of: dp-attn-cluster
app.kubernetes.io/managed-by: {{ (first .).Release.Service }}
helm.sh/chart: {{ printf "%s-%s" (first .).Chart.Name (first .).Chart.Version | replace "+" "_" }}
{{- end }}

{{- /* Of a pod: nothing of the chart's version, so that a new chart alone replaces nobody. Takes (root, component). */}}
{{- define "dpattn.pod.labels" -}}
{{ include "dpattn.selector" . }}
app.kubernetes.io/part-of: dp-attn-cluster
{{- end }}

{{- /* A role's own tag or digest wins over the common digest. Takes (root, image of the role). */}}
{{- define "dpattn.image" -}}
{{- $common := (first .).Values.image }}{{ $own := last . -}}
{{- $chosen := $common }}{{ if or $own.digest $own.tag }}{{ $chosen = $own }}{{ end -}}
{{ $common.repository }}{{ if $chosen.digest }}@{{ $chosen.digest }}{{ else }}:{{ $chosen.tag | default (first .).Chart.AppVersion }}{{ end }}
{{- end }}

{{- /* Of every container. Takes (root, image of the role). */}}
{{- define "dpattn.image.lines" -}}
image: {{ include "dpattn.image" . }}
imagePullPolicy: {{ (first .).Values.image.pullPolicy }}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  runAsNonRoot: true
  capabilities: {drop: [ALL]}
  seccompProfile: {type: RuntimeDefault}
{{- end }}

{{- /* Of every pod. The group is how a secret is given to a user that is not root. */}}
{{- define "dpattn.pod.lines" -}}
automountServiceAccountToken: false
enableServiceLinks: false
{{- with .Values.serviceAccountName }}
serviceAccountName: {{ . }}
{{- end }}
{{- with .Values.image.pullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . }}
  {{- end }}
{{- end }}
securityContext:
  runAsNonRoot: true
  runAsUser: 1654
  runAsGroup: 1654
  fsGroup: 1654
  fsGroupChangePolicy: OnRootMismatch
  seccompProfile: {type: RuntimeDefault}
{{- end }}

{{- /* Where a pod goes. Takes (root, component, its values). */}}
{{- define "dpattn.placement" -}}
{{- $root := index . 0 }}{{ $component := index . 1 }}{{ $values := index . 2 -}}
{{- with $values.nodeSelector }}
nodeSelector: {{ toJson . }}
{{- end }}
{{- with $values.tolerations }}
tolerations: {{ toJson . }}
{{- end }}
{{- with $values.affinity }}
affinity: {{ toJson . }}
{{- end }}
{{- with $values.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- if or $values.spread.zone $values.spread.host }}
topologySpreadConstraints:
  {{- range $key, $when := dict "topology.kubernetes.io/zone" $values.spread.zone "kubernetes.io/hostname" $values.spread.host }}
  {{- if $when }}
  - maxSkew: 1
    topologyKey: {{ $key }}
    whenUnsatisfiable: {{ $when }}
    labelSelector:
      matchLabels:
        {{- include "dpattn.selector" (list $root $component) | nindent 8 }}
    matchLabelKeys: [pod-template-hash]
  {{- end }}
  {{- end }}
{{- end }}
{{- end }}

{{- /* A value as the environment has it: whole numbers of values.yaml are floats here, and large ones would become 1.34e+08. */}}
{{- define "dpattn.text" -}}
{{- if kindIs "float64" . }}{{ int64 . }}{{ else }}{{ . }}{{ end -}}
{{- end }}

{{- /* Of every process that joins the cluster. Takes (root, role, the secret of its database). */}}
{{- define "dpattn.env.shared" -}}
{{- $root := index . 0 }}{{ $role := index . 1 }}{{ $database := index . 2 -}}
- {name: DPATTN__ROLE, value: {{ $role }}}
- {name: DPATTN__CLUSTERING, value: postgres}
- {name: DPATTN__STORAGE, value: postgres}
- {name: DPATTN__CLUSTERID, value: {{ $root.Values.clusterId | quote }}}
- name: DPATTN__POSTGRESCONNECTION
  valueFrom: {secretKeyRef: {name: {{ $database.name }}, key: {{ $database.key }}}}
{{- end }}

{{- /* How it proves what it is to silos. Takes root. */}}
{{- define "dpattn.env.tls" -}}
- {name: DPATTN__CLUSTERTLS, value: {{ .Values.clusterTls.mode }}}
{{- if eq .Values.clusterTls.mode "mutual" }}
- {name: DPATTN__CLUSTERCERTIFICATE, value: /etc/dpattn/cluster/tls.crt}
- {name: DPATTN__CLUSTERCERTIFICATEKEY, value: /etc/dpattn/cluster/tls.key}
- {name: DPATTN__CLUSTERAUTHORITY, value: /etc/dpattn/{{ if .Values.secrets.clusterAuthority.name }}authority{{ else }}cluster{{ end }}/ca.crt}
- {name: DPATTN__CLUSTERSILONAME, value: {{ .Values.clusterTls.siloName | quote }}}
- {name: DPATTN__CLUSTERFRONTNAME, value: {{ .Values.clusterTls.frontName | quote }}}
{{- end }}
{{- end }}

{{- /* What only who holds stores is told. Takes root. */}}
{{- define "dpattn.env.silo" -}}
- name: DPATTN__WITNESSCONNECTION
  valueFrom: {secretKeyRef: {name: {{ .Values.secrets.witness.name }}, key: {{ .Values.secrets.witness.key }}}}
- {name: DPATTN__KEYFILE, value: /etc/dpattn/keys/keys}
{{- end }}

{{- /* Further settings and variables. Takes (root, settings of the role). */}}
{{- define "dpattn.env.further" -}}
{{- range $name, $value := mergeOverwrite (deepCopy (first .).Values.settings) (last .) }}
- {name: DPATTN__{{ upper $name }}, value: {{ include "dpattn.text" $value | quote }}}
{{- end }}
{{- range (first .).Values.extraEnv }}
- {{ toJson . }}
{{- end }}
{{- end }}

{{- /* Volumes and their places; modes are for the pod's group, which root gives them to. Takes (root, certificate or "", whether keys). */}}
{{- define "dpattn.volumes" -}}
{{- $root := index . 0 }}{{ $certificate := index . 1 }}{{ $hasKeys := index . 2 -}}
{{- if $hasKeys }}
- name: keys
  secret:
    secretName: {{ $root.Values.secrets.keys.name }}
    defaultMode: 0440
    items: [{key: {{ $root.Values.secrets.keys.key }}, path: keys}]
{{- end }}
{{- if and $certificate (eq $root.Values.clusterTls.mode "mutual") }}
- name: cluster-certificate
  secret: {secretName: {{ $certificate }}, defaultMode: 0440}
{{- with $root.Values.secrets.clusterAuthority }}
{{- if .name }}
- name: cluster-authority
  secret:
    secretName: {{ .name }}
    defaultMode: 0440
    items: [{key: {{ .key }}, path: ca.crt}]
{{- end }}
{{- end }}
{{- end }}
{{- with $root.Values.secrets.databaseAuthority }}
{{- if .name }}
- name: database-authority
  secret:
    secretName: {{ .name }}
    defaultMode: 0440
    items: [{key: {{ .key }}, path: ca.crt}]
{{- end }}
{{- end }}
{{- end }}

{{- define "dpattn.mounts" -}}
{{- $root := index . 0 }}{{ $certificate := index . 1 }}{{ $hasKeys := index . 2 -}}
{{- if $hasKeys }}
- {name: keys, mountPath: /etc/dpattn/keys, readOnly: true}
{{- end }}
{{- if and $certificate (eq $root.Values.clusterTls.mode "mutual") }}
- {name: cluster-certificate, mountPath: /etc/dpattn/cluster, readOnly: true}
{{- if $root.Values.secrets.clusterAuthority.name }}
- {name: cluster-authority, mountPath: /etc/dpattn/authority, readOnly: true}
{{- end }}
{{- end }}
{{- if $root.Values.secrets.databaseAuthority.name }}
- {name: database-authority, mountPath: /etc/dpattn/database, readOnly: true}
{{- end }}
{{- end }}

{{- /* Liveness asks nothing of others: a database that is away restarts nobody. A start verifies nothing that takes long, but may wait for its turn. */}}
{{- define "dpattn.probes" -}}
startupProbe:
  httpGet: {path: /livez, port: admin}
  periodSeconds: 2
  timeoutSeconds: 3
  failureThreshold: 150
readinessProbe:
  httpGet: {path: /readyz, port: admin}
  periodSeconds: 5
  timeoutSeconds: 4
  failureThreshold: 2
livenessProbe:
  httpGet: {path: /livez, port: admin}
  periodSeconds: 10
  timeoutSeconds: 5
  failureThreshold: 6
{{- end }}
