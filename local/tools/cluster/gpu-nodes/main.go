// A stand-in for the kubelets of nodes that are Node objects without a machine: it keeps them Ready, and lets their pods be
// deleted. Nothing runs on them.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"log"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/clientcmd"
)

// Well below the 50 seconds after which the node lifecycle controller takes a silent node for lost.
const heartbeat = 15 * time.Second

func main() {
	kubeconfig := flag.String("kubeconfig", "", "kubeconfig file")
	selector := flag.String("node-selector", "", "label selector of the nodes")
	flag.Parse()
	config, err := clientcmd.BuildConfigFromFlags("", *kubeconfig)
	if err != nil {
		log.Fatal(err)
	}
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		log.Fatal(err)
	}
	ctx := context.Background()
	served := map[string]bool{}
	for ; ; time.Sleep(heartbeat) {
		nodes, err := client.CoreV1().Nodes().List(ctx, metav1.ListOptions{LabelSelector: *selector})
		if err != nil {
			log.Print(err)
			continue
		}
		for _, node := range nodes.Items {
			if err := keepReady(ctx, client, node.Name); err != nil {
				log.Printf("node %s: %v", node.Name, err)
			}
			if !served[node.Name] {
				served[node.Name] = true
				go letPodsGo(ctx, client, node.Name)
			}
		}
	}
}

func keepReady(ctx context.Context, client kubernetes.Interface, node string) error {
	now := metav1.Now()
	patch, err := json.Marshal(map[string]any{"status": map[string]any{"conditions": []corev1.NodeCondition{{
		Type: corev1.NodeReady, Status: corev1.ConditionTrue, Reason: "StandIn", Message: "nothing runs on this node",
		LastHeartbeatTime: now, LastTransitionTime: now,
	}}}})
	if err != nil {
		return err
	}
	_, err = client.CoreV1().Nodes().Patch(ctx, node, types.StrategicMergePatchType, patch, metav1.PatchOptions{}, "status")
	return err
}

// letPodsGo confirms the end of pods that are being deleted, as their node's kubelet would.
func letPodsGo(ctx context.Context, client kubernetes.Interface, node string) {
	pods := cache.NewListWatchFromClient(client.CoreV1().RESTClient(), "pods", metav1.NamespaceAll,
		fields.OneTermEqualSelector("spec.nodeName", node))
	confirm := func(object any) {
		pod := object.(*corev1.Pod)
		if pod.DeletionTimestamp == nil {
			return
		}
		options := metav1.NewDeleteOptions(0)
		options.Preconditions = metav1.NewUIDPreconditions(string(pod.UID))
		if err := client.CoreV1().Pods(pod.Namespace).Delete(ctx, pod.Name, *options); err != nil {
			log.Printf("pod %s/%s: %v", pod.Namespace, pod.Name, err)
		}
	}
	_, controller := cache.NewInformerWithOptions(cache.InformerOptions{
		ListerWatcher: pods,
		ObjectType:    &corev1.Pod{},
		// A deletion that failed is tried again with this period.
		ResyncPeriod: 30 * time.Second,
		Handler: cache.ResourceEventHandlerFuncs{
			AddFunc:    confirm,
			UpdateFunc: func(_, object any) { confirm(object) },
		},
	})
	controller.RunWithContext(ctx)
}
