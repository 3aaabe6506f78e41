package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"
)

// world is the service among pretended callees, on loopback.
type world struct {
	t      *testing.T
	key    *ecdsa.PrivateKey
	api    *api
	url    string
	mu     sync.Mutex
	events []string      // bodies that analytics-service received
	seen   []http.Header // headers that the callees received
	broken bool          // analytics-service and pdf-service fail
}

func newWorld(t *testing.T, journalPath string) *world {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	payments, err := openStore(journalPath)
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, key: key}
	callee := httptest.NewServer(http.HandlerFunc(w.playCallee))
	counts := newMetrics()
	w.api = newAPI(payments, counts, callees{auth: callee.URL, analytics: callee.URL, pdf: callee.URL})
	service := httptest.NewServer(newFront(w.api.routes(), counts))
	w.url = service.URL
	t.Cleanup(func() { service.Close(); callee.Close(); payments.close() })
	return w
}

func (w *world) playCallee(out http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.seen = append(w.seen, r.Header.Clone())
	switch {
	case r.URL.Path == "/.well-known/jwks.json":
		x, y := w.key.X.FillBytes(make([]byte, 32)), w.key.Y.FillBytes(make([]byte, 32))
		writeJSON(out, 200, map[string]any{"keys": []any{map[string]string{
			"kty": "EC", "crv": "P-256", "kid": "k1", "x": encode(x), "y": encode(y),
		}}})
	case w.broken:
		out.WriteHeader(500)
	case r.URL.Path == "/events":
		w.events = append(w.events, string(body))
		out.WriteHeader(202)
	case r.URL.Path == "/invoices":
		_, _ = out.Write(append([]byte("%PDF "), body...))
	}
}

func encode(bytes []byte) string { return base64.RawURLEncoding.EncodeToString(bytes) }

// token signs claims for a user; change may spoil them.
func (w *world) token(id string, roles []string, change func(header, claims map[string]any)) string {
	header := map[string]any{"alg": "ES256", "kid": "k1"}
	claims := map[string]any{
		"iss": "auth-service", "sub": id, "email": id + "@example.com", "name": "Ada", "roles": roles,
		"exp": time.Now().Add(time.Hour).Unix(),
	}
	if change != nil {
		change(header, claims)
	}
	headerText, _ := json.Marshal(header)
	claimsText, _ := json.Marshal(claims)
	signed := encode(headerText) + "." + encode(claimsText)
	digest := sha256.Sum256([]byte(signed))
	r, s, err := ecdsa.Sign(rand.Reader, w.key, digest[:])
	if err != nil {
		w.t.Fatal(err)
	}
	signature := append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...)
	return signed + "." + encode(signature)
}

type answer struct {
	status int
	header http.Header
	text   string
}

func (a answer) json(t *testing.T) map[string]any {
	t.Helper()
	var body map[string]any
	if err := json.Unmarshal([]byte(a.text), &body); err != nil {
		t.Fatalf("not JSON: %s", a.text)
	}
	return body
}

func (w *world) ask(method, path, token, body string, headers ...string) answer {
	w.t.Helper()
	request, err := http.NewRequest(method, w.url+path, strings.NewReader(body))
	if err != nil {
		w.t.Fatal(err)
	}
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		w.t.Fatal(err)
	}
	defer response.Body.Close()
	text, _ := io.ReadAll(response.Body)
	return answer{response.StatusCode, response.Header, string(text)}
}
