// Command cmd holds what a server has stored against a manifest of what was written:
//
//	go run ./chaos/oracle/cmd --manifest FILE --url http://127.0.0.1:9200 --index logs-logboom-default
//
// It exits with 0 when everything is stored once, whole and in order, with 1 when not, and with 2 when it can't tell.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"net/http"
	"os"

	"logboom/chaos/manifest"
	"logboom/chaos/oracle"
)

func main() {
	list := flag.String("manifest", "", "file that lists what was written")
	url := flag.String("url", "http://127.0.0.1:9200", "server to read from")
	index := flag.String("index", "logs-logboom-default", "index, data stream or pattern")
	asJSON := flag.Bool("json", false, "print the report as JSON")
	flag.Parse()
	report, err := check(*list, *url, *index)
	if err != nil {
		fmt.Fprintf(os.Stderr, "oracle: %v\n", err)
		os.Exit(2)
	}
	if *asJSON {
		out := json.NewEncoder(os.Stdout)
		out.SetIndent("", "  ")
		out.Encode(report)
	} else {
		report.Print(os.Stdout)
	}
	if !report.OK() {
		os.Exit(1)
	}
}

func check(list, url, index string) (*oracle.Report, error) {
	file, err := os.Open(list)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	m, err := manifest.Read(file)
	if err != nil {
		return nil, err
	}
	return oracle.Check(context.Background(), http.DefaultClient, url, index, m)
}
