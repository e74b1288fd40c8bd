{{- /* How a service comes to NATS: as its role, with inboxes of its own. */}}
{{- define "baton.natsEnv" -}}
- { name: NATS_URL, value: {{ include "baton.natsUrl" .root | quote }} }
- { name: NATS_USER, value: {{ .role }} }
- name: NATS_PASSWORD
  valueFrom: { secretKeyRef: { name: {{ .root.Values.credentials.secretName }}, key: BATON_{{ upper .role }}_PASSWORD } }
- { name: NATS_INBOX_PREFIX, value: _INBOX_{{ .role }} }
{{- with .root.Values.nats.tls }}
{{- if .secretName }}
- { name: NATS_CA, value: /etc/nats-ca/ca.crt }
{{- end }}
{{- if .clientSecretName }}
- { name: NATS_CERT, value: /etc/nats-client/tls.crt }
- { name: NATS_KEY, value: /etc/nats-client/tls.key }
{{- end }}
{{- end }}
{{- end }}

{{- define "baton.mongoEnv" -}}
- name: MONGODB_URL
  {{- if .Values.mongodb.bundled }}
  value: mongodb://{{ .Release.Name }}-mongodb:27017/baton
  {{- else }}
  valueFrom: { secretKeyRef: { name: {{ .Values.mongodb.secretName }}, key: {{ .Values.mongodb.key }} } }
  {{- end }}
{{- end }}

{{- define "baton.mounts" -}}
- { name: tmp, mountPath: /tmp }
{{- with .Values.nats.tls }}
{{- if .secretName }}
- { name: nats-ca, mountPath: /etc/nats-ca, readOnly: true }
{{- end }}
{{- if .clientSecretName }}
- { name: nats-client, mountPath: /etc/nats-client, readOnly: true }
{{- end }}
{{- end }}
{{- end }}

{{- define "baton.volumes" -}}
- { name: tmp, emptyDir: {} }
{{- with .Values.nats.tls }}
{{- if .secretName }}
# Of the server's own Secret its key is left out.
- { name: nats-ca, secret: { secretName: {{ .secretName }}, items: [{ key: ca.crt, path: ca.crt }] } }
{{- end }}
{{- if .clientSecretName }}
- { name: nats-client, secret: { secretName: {{ .clientSecretName }} } }
{{- end }}
{{- end }}
{{- end }}

{{- /*
  A Deployment of one service. root; component: its name; role: service and role; image; part: its values; env: further
  variables; graceSeconds: until it is killed; replicas: false where something else counts them.
*/}}
{{- define "baton.deployment" -}}
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ .root.Release.Name }}-{{ .component }}
  labels:
    {{- include "baton.labels" . | nindent 4 }}
spec:
  {{- if not .scaled }}
  replicas: {{ .part.replicas }}
  {{- end }}
  revisionHistoryLimit: 3
  # The new one is ready before an old one is asked to go.
  strategy: { rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } }
  selector:
    matchLabels:
      {{- include "baton.selector" . | nindent 6 }}
  template:
    metadata:
      labels:
        {{- include "baton.labels" . | nindent 8 }}
    spec:
      automountServiceAccountToken: false
      enableServiceLinks: false
      terminationGracePeriodSeconds: {{ .graceSeconds }}
      {{- with .root.Values.imagePullSecrets }}
      imagePullSecrets:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      securityContext:
        {{- include "baton.podSecurity" .root | nindent 8 }}
      {{- include "baton.spread" . | nindent 6 }}
      containers:
        - name: baton
          image: {{ .image | quote }}
          imagePullPolicy: {{ .root.Values.image.pullPolicy }}
          args: [{{ .role }}]
          env:
            {{- include "baton.natsEnv" . | nindent 12 }}
            - { name: BATON_METRICS_PORT, value: '9464' }
            - { name: BATON_METRICS_HOST, value: 0.0.0.0 }
            {{- if .root.Values.nats.enabled }}
            - { name: BATON_REPLICAS, value: {{ .root.Values.nats.replicas | quote }} }
            {{- end }}
            {{- with .env }}
            {{- . | nindent 12 }}
            {{- end }}
            {{- range $name, $value := merge (deepCopy .part.settings) .root.Values.settings }}
            - { name: {{ $name }}, value: {{ $value | quote }} }
            {{- end }}
          ports:
            - { name: metrics, containerPort: 9464 }
            {{- if eq .role "gateway" }}
            - { name: http, containerPort: 8088 }
            {{- end }}
          startupProbe:
            httpGet: { path: /healthz, port: metrics }
            periodSeconds: 2
            failureThreshold: 60
          livenessProbe:
            httpGet: { path: /healthz, port: metrics }
            periodSeconds: 10
            timeoutSeconds: 3
            failureThreshold: 6
          readinessProbe:
            httpGet: { path: /readyz, port: metrics }
            periodSeconds: 5
            timeoutSeconds: 3
          {{- if eq .role "gateway" }}
          # Whoever routes to it hears later than it does that it goes.
          lifecycle: { preStop: { exec: { command: [sleep, '5'] } } }
          {{- end }}
          resources:
            {{- toYaml .part.resources | nindent 12 }}
          securityContext:
            {{- include "baton.containerSecurity" .root | nindent 12 }}
          volumeMounts:
            {{- include "baton.mounts" .root | nindent 12 }}
      volumes:
        {{- include "baton.volumes" .root | nindent 8 }}
{{- end }}
