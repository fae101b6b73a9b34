// Package proxy is a reverse proxy and load balancer for HTTP backends: it checks them, takes out of service
// who is ill and says why, spreads requests over the others, keeps a fault where it is (time-outs, bulkheads,
// a budget of retries, load shedding), and puts slow and hostile clients in their place. Proxy is its central
// type; each of its decisions is a field that New fills in. Main is the whole program. The parts are packages
// of their own below this one.
package proxy
