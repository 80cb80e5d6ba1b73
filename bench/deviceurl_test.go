package bench

import (
	"reflect"
	"strings"
	"testing"
)

func TestParseDeviceURL(t *testing.T) {
	tests := []struct {
		in   string
		want DeviceURL
		err  string // part of the message
	}{
		{in: "emulated:", want: DeviceURL{Scheme: "emulated", Profile: "section-1"}},
		{in: "emulated:?profile=x", want: DeviceURL{Scheme: "emulated", Profile: "x"}},
		{in: "emulated:?profile=x&variant=y", want: DeviceURL{Scheme: "emulated", Profile: "x", Variant: "y"}},
		{in: "serial:///dev/ttyUSB0?protocol=shtrih-m&baud=4800&password=30", want: DeviceURL{Scheme: "serial", Address: "/dev/ttyUSB0", Protocol: "shtrih-m", Baud: 4800, Password: 30}},
		{in: "serial+tcp://10.0.0.5:7778?protocol=shtrih-m", want: DeviceURL{Scheme: "serial+tcp", Address: "10.0.0.5:7778", Protocol: "shtrih-m"}},
		{in: "serial://dev/ttyUSB0?protocol=shtrih-m", err: "three slashes"},
		{in: "serial:///dev/ttyUSB0?protocol=shtrih", err: `protocol "shtrih": want one of shtrih-m`},
		{in: "serial:///dev/ttyUSB0", err: `protocol "": want one of shtrih-m`},
		{in: "serial:///dev/ttyUSB0?protocol=shtrih-m&baud=fast", err: `baud "fast": want a whole number`},
		{in: "serial:///dev/ttyUSB0?protocol=shtrih-m&speed=4800", err: `parameter "speed": want one of protocol, baud, password, control`},
		{in: "serial:///dev/pts/3?protocol=shtrih-m&control=http://127.0.0.1:8000", want: DeviceURL{Scheme: "serial", Address: "/dev/pts/3", Protocol: "shtrih-m", Control: "http://127.0.0.1:8000"}},
		{in: "serial:///dev/pts/3?protocol=shtrih-m&control=127.0.0.1:8000", err: "want http://HOST:PORT"},
		{in: "serial+tcp://10.0.0.5?protocol=shtrih-m", err: "host and port"},
		{in: "emulated:section-1", err: "want emulated:"},
		{in: "usb:1", err: `scheme "usb": want emulated:`},
		{in: "exec:/bin/sh?arg=-c&arg=exit%201", want: DeviceURL{Scheme: "exec", Address: "/bin/sh", Args: []string{"-c", "exit 1"}}},
		{in: "exec:driver.py", err: "want the absolute path"},
		{in: "exec:/no/such/driver", err: "no such file"},
		{in: "exec:/bin/sh?args=1", err: `parameter "args": want one of arg, control`},
		{in: "", err: `scheme ""`},
	}
	for _, tt := range tests {
		t.Run(tt.in, func(t *testing.T) {
			got, err := ParseDeviceURL(tt.in)
			if tt.err != "" {
				if err == nil || !strings.Contains(err.Error(), tt.err) {
					t.Fatalf("error %v, want one with %q", err, tt.err)
				}
				return
			}
			if err != nil || !reflect.DeepEqual(got, tt.want) {
				t.Errorf("got %+v, %v, want %+v", got, err, tt.want)
			}
		})
	}
}
