{{- define "baton.labels" -}}
app.kubernetes.io/name: baton
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
app.kubernetes.io/part-of: baton
{{- end }}

{{- /* What selects the pods of a part; never changed, since a Deployment cannot change its own. */}}
{{- define "baton.selector" -}}
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end }}

{{- define "baton.image" -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end }}

{{- /* Every server by its own name: a client that loses one knows the others without being told. */}}
{{- define "baton.natsUrl" -}}
{{- if .Values.nats.enabled -}}
{{- $scheme := ternary "tls" "nats" (ne .Values.nats.tls.secretName "") -}}
{{- $urls := list -}}
{{- range $i := until (int .Values.nats.replicas) -}}
{{- $urls = append $urls (printf "%s://%s-nats-%d.%s-nats:4222" $scheme $.Release.Name $i $.Release.Name) -}}
{{- end -}}
{{ join "," $urls }}
{{- else -}}
{{ required "nats.url: say where nats-server is, or set nats.enabled" .Values.nats.url }}
{{- end -}}
{{- end }}

{{- define "baton.podSecurity" -}}
runAsNonRoot: true
# A number: `node` of the image is a name, of which nobody can tell that it is not root.
runAsUser: 1000
runAsGroup: 1000
fsGroup: 1000
seccompProfile: { type: RuntimeDefault }
{{- end }}

{{- define "baton.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: { drop: [ALL] }
{{- end }}

{{- define "baton.spread" -}}
topologySpreadConstraints:
  {{- range $key := list "kubernetes.io/hostname" "topology.kubernetes.io/zone" }}
  - maxSkew: 1
    topologyKey: {{ $key }}
    whenUnsatisfiable: {{ $.when | default "ScheduleAnyway" }}
    labelSelector:
      matchLabels:
        {{- include "baton.selector" $ | nindent 8 }}
  {{- end }}
{{- end }}

{{- define "baton.disruption" -}}
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata:
  name: {{ .root.Release.Name }}-{{ .component }}
  labels:
    {{- include "baton.labels" . | nindent 4 }}
spec:
  maxUnavailable: 1
  selector:
    matchLabels:
      {{- include "baton.selector" . | nindent 6 }}
{{- end }}
