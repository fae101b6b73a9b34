package wire

const proxyKind = "COMEBACK_BENCH_PROXY"

func runProxy(string) {}
