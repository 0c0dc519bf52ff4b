package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"

	monitoring "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	gateway "sigs.k8s.io/gateway-api/apis/v1"
	"sigs.k8s.io/yaml"
)

// The kinds of other projects that the chart renders. A cluster without their definitions cannot check them, their own Go types can.
var kinds = map[string]func() any{
	"monitoring.coreos.com/v1/ServiceMonitor": func() any { return new(monitoring.ServiceMonitor) },
	"monitoring.coreos.com/v1/PodMonitor":     func() any { return new(monitoring.PodMonitor) },
	"monitoring.coreos.com/v1/PrometheusRule": func() any { return new(monitoring.PrometheusRule) },
	"gateway.networking.k8s.io/v1/HTTPRoute":  func() any { return new(gateway.HTTPRoute) },
}

// checkCustom reads YAML documents and decodes those of the kinds above strictly: unknown and repeated members and wrong types are
// errors. Documents of other kinds are left to the API server. The exit code is 1 when something is wrong; the last line counts.
func checkCustom(in io.Reader, out io.Writer) int {
	reader := utilyaml.NewYAMLReader(bufio.NewReader(in))
	checked, wrong := 0, 0
	for {
		document, err := reader.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			fmt.Fprintln(out, err)
			return 1
		}
		var head struct {
			APIVersion string `json:"apiVersion"`
			Kind       string `json:"kind"`
		}
		if err := yaml.Unmarshal(document, &head); err != nil {
			fmt.Fprintln(out, err)
			wrong++
			continue
		}
		if make, known := kinds[head.APIVersion+"/"+head.Kind]; known {
			checked++
			if err := yaml.UnmarshalStrict(document, make()); err != nil {
				fmt.Fprintf(out, "%s: %v\n", head.Kind, err)
				wrong++
			}
		}
	}
	fmt.Fprintf(out, "%d checked, %d wrong\n", checked, wrong)
	if wrong > 0 {
		return 1
	}
	return 0
}
