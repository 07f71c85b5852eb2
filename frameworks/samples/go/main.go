// A small web server of the standard library: one page that says what it runs on, and /health.
package main

import (
	"cmp"
	_ "embed"
	"html/template"
	"log"
	"net"
	"net/http"
	"os"
	"runtime"
	"time"
)

//go:embed page.html
var source string

var page = template.Must(template.New("page").Parse(source))

type fact struct{ Name, Value string }

func index(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path != "/" {
		http.NotFound(w, r)
		return
	}
	facts := []fact{
		{"Release", cmp.Or(os.Getenv("PAAS_RELEASE"), "on this machine")},
		{"Go", runtime.Version()},
		{"Platform", runtime.GOOS + "/" + runtime.GOARCH},
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	if err := page.Execute(w, facts); err != nil {
		log.Print(err)
	}
}

func health(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write([]byte(`{"status": "healthy"}` + "\n"))
}

func main() {
	http.HandleFunc("/", index)
	http.HandleFunc("/health", health)
	host, port := cmp.Or(os.Getenv("HOST"), "127.0.0.1"), cmp.Or(os.Getenv("PORT"), "8080")
	server := &http.Server{Addr: net.JoinHostPort(host, port), ReadHeaderTimeout: 10 * time.Second}
	log.Printf("Listening on %s", server.Addr)
	log.Fatal(server.ListenAndServe())
}
