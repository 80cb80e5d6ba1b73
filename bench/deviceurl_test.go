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
		{in: "serial:///dev/ttyUSB0?protocol=shtrih-m&speed=4800", err: `parameter "speed": want one of protocol, baud, password, `},
		{in: "serial:///dev/pts/3?protocol=shtrih-m&control=http://127.0.0.1:8000", want: DeviceURL{Scheme: "serial", Address: "/dev/pts/3", Protocol: "shtrih-m", Control: "http://127.0.0.1:8000"}},
		{in: "serial:///dev/pts/3?protocol=shtrih-m&control=127.0.0.1:8000", err: "want http://HOST:PORT"},
		{in: "serial+tcp://10.0.0.5?protocol=shtrih-m", err: "host and port"},
		{in: "emulated:section-1", err: "want emulated:"},
		{in: "usb:1", err: `scheme "usb": want emulated:`},
		{in: "exec:/bin/sh?arg=-c&arg=exit%201", want: DeviceURL{Scheme: "exec", Address: "/bin/sh", Args: []string{"-c", "exit 1"}}},
		{in: "exec:driver.py", err: "want the absolute path"},
		{in: "exec:/no/such/driver", err: "no such file"},
		{in: "exec:/bin/sh?args=1", err: `parameter "args": want one of arg, control, tap, tap-page, power`},
		{in: "exec:/bin/sh?tap=tcp:127.0.0.1:9100&tap-page=kz-1048&power=lcus:/dev/ttyUSB2,1,nc", want: DeviceURL{Scheme: "exec", Address: "/bin/sh", Tap: "tcp:127.0.0.1:9100", TapPage: "kz-1048", PowerBy: "lcus:/dev/ttyUSB2,1,nc"}},
		{in: "exec:/bin/sh?tap=usb", err: "want serial:/dev/ttyUSB1@19200"},
		{in: "exec:/bin/sh?tap=tcp:127.0.0.1:9100&tap-page=koi8-r", err: `code page "koi8-r": want one of cp866`},
		{in: "exec:/bin/sh?power=gpio:1", err: "want lcus:"},
		{in: "webkassa+http://127.0.0.1:8080?secrets=/none", err: "cashbox: want the unique number"},
		{in: "webkassa+http://127.0.0.1:8080?cashbox=SWK1", err: "secrets: want a file"},
		{in: "webkassa+http://127.0.0.1:8080?cashbox=SWK1&secrets=/none", err: "no such file"},
		{in: "webkassa+http://127.0.0.1:8080/api?cashbox=SWK1&secrets=/none", err: "want webkassa+http://HOST:PORT"},
		{in: "emulated:?protocol=webkassa", want: DeviceURL{Scheme: "emulated", Profile: "section-1", Protocol: "webkassa"}},
		{in: "emulated:?protocol=telepathy", err: `protocol "telepathy": want one of`},
		{in: "operator:?lang=kk", want: DeviceURL{Scheme: "operator", Language: "kk"}},
		{in: "operator:?robot=section-1&control=http://127.0.0.1:1", err: "hands of its own"},
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
