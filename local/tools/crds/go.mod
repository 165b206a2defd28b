module modelcar.local/tools/crds

go 1.25.11

require (
	github.com/kedacore/keda/v2 v2.18.1
	github.com/openshift/api v0.0.0-20251020135558-286504b695bc
	github.com/prometheus-operator/prometheus-operator v0.85.0
	istio.io/api v1.28.0
	sigs.k8s.io/gateway-api v1.4.1
)
