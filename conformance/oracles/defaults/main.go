// Asks a real kube-apiserver what it makes of minimal objects (`dryRun=All` creates) and writes
// the golden table that crates/engine/schema/tests/defaults.rs replays. The objects are those of
// the table itself: add a line {"sent": OBJECT} and run it again.
//
//	SERVER=https://127.0.0.1:6443 TOKEN=... go run . < TABLE > NEW
//
// Admission that adds to objects must be off:
// --disable-admission-plugins ServiceAccount,DefaultTolerationSeconds,Priority,TaintNodesByCondition
package main

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
)

var client = http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}

func call(method, path string, body []byte) map[string]any {
	request, err := http.NewRequest(method, os.Getenv("SERVER")+path, bytes.NewReader(body))
	if err != nil {
		panic(err)
	}
	request.Header.Set("Authorization", "Bearer "+os.Getenv("TOKEN"))
	request.Header.Set("Content-Type", "application/json")
	response, err := client.Do(request)
	if err != nil {
		panic(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		panic(err)
	}
	var answer map[string]any
	if err := json.Unmarshal(text, &answer); err != nil {
		panic(err)
	}
	return answer
}

func main() {
	in := bufio.NewScanner(os.Stdin)
	in.Buffer(nil, 16<<20)
	out := bufio.NewWriter(os.Stdout)
	defer out.Flush()
	for in.Scan() {
		var line struct{ Sent map[string]any }
		if err := json.Unmarshal(in.Bytes(), &line); err != nil {
			panic(err)
		}
		version, kind := line.Sent["apiVersion"].(string), line.Sent["kind"].(string)
		base := "/apis/" + version
		if version == "v1" {
			base = "/api/v1"
		}
		path := ""
		for _, entry := range call("GET", base, nil)["resources"].([]any) {
			resource := entry.(map[string]any)
			name := resource["name"].(string)
			if resource["kind"] == kind && !strings.Contains(name, "/") {
				path = base + "/" + name
				if resource["namespaced"] == true {
					path = base + "/namespaces/default/" + name
				}
			}
		}
		body, _ := json.Marshal(line.Sent)
		got := call("POST", path+"?dryRun=All&fieldManager=probe", body)
		if got["kind"] == "Status" {
			fmt.Fprintln(os.Stderr, kind, got["message"])
			os.Exit(1)
		}
		text, _ := json.Marshal(map[string]any{"sent": line.Sent, "got": got})
		out.Write(text)
		out.WriteByte('\n')
	}
}
