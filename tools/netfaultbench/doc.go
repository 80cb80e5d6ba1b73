// Package netfaultbench measures the edge of package netfault beside the host's
// loopback interface and beside toxiproxy, in one run. It is a module of its own, so
// that the rival is no dependency of the product:
//
//	cd tools/netfaultbench && go test -bench . -benchtime 5s
package netfaultbench
