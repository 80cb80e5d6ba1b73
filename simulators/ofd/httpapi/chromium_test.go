//go:build chromium

package httpapi

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"
)

// dom loads a page in a headless browser and returns what became of it.
func dom(t *testing.T, u string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	defer cancel()
	// An open stream of events never becomes idle, so the time is limited.
	c := exec.CommandContext(ctx, "chromium", "--headless", "--no-sandbox", "--disable-gpu", "--user-data-dir="+t.TempDir(), "--timeout=4000", "--dump-dom", u)
	c.Stderr = nil
	raw, err := c.Output()
	if err != nil {
		t.Fatalf("%s: %v", u, err)
	}
	return string(raw)
}

// The pages in a real browser: its policy lets style and script of the server
// in, the table of traffic grows by itself, the receipt's page reads in Kazakh.
// go test -tags chromium ./simulators/ofd/httpapi
func TestPagesInChromium(t *testing.T) {
	w := newWorld(t, "")
	r := w.ask(sale(day, 12345))
	u, err := url.Parse(string(r.GetTicket().GetQrCode()))
	if err != nil {
		t.Fatal(err)
	}
	if page := dom(t, w.http.URL+"/check?"+u.RawQuery+"&lang=kk"); !strings.Contains(page, "Чек табылды") || !strings.Contains(page, "123.45") {
		t.Errorf("%s", page)
	}
	if page := dom(t, w.http.URL+"/documents/2?lang=ru"); !strings.Contains(page, "COMMAND_TICKET") || !strings.Contains(page, "a2 81 cc 00") {
		t.Errorf("%s", page)
	}
	stop := make(chan struct{})
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			select {
			case <-stop:
				return
			case <-time.After(100 * time.Millisecond):
				w.ask(system())
			}
		}
	}()
	page := dom(t, w.http.URL+"/traffic?lang=en")
	close(stop)
	<-done
	live := regexp.MustCompile(`data-live="(\d+)"`).FindStringSubmatch(page)
	if live == nil || live[1] == "0" || !regexp.MustCompile(`<tr><td><a href="/traffic/\d+\?lang=en">`).MatchString(page) {
		t.Errorf("the table did not grow: %s", page)
	}
	shot := t.TempDir() + "/page.png"
	c := exec.Command("chromium", "--headless", "--no-sandbox", "--disable-gpu", "--user-data-dir="+t.TempDir(), "--window-size=1200,1400", "--screenshot="+shot, fmt.Sprintf("%s/devices/%d?lang=kk", w.http.URL, kkm1))
	if err := c.Run(); err != nil {
		t.Fatal(err)
	}
	if keep := os.Getenv("KKMTEST_SCREENSHOT"); keep != "" {
		raw, err := os.ReadFile(shot)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(keep, raw, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}
