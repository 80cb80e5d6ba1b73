package script

import (
	"bytes"
	"os"
	"reflect"
	"testing"
)

// docs/ofd-choices.md and docs/ofd.md tell of every key.
func TestDocumentsNameEveryKey(t *testing.T) {
	for file, keys := range map[string][]string{
		"../../../docs/ofd-choices.md": Choices(),
		"../../../docs/ofd.md":         append(append(names(reflect.TypeFor[rule]()), names(reflect.TypeFor[action]())...), names(reflect.TypeFor[device]())...),
	} {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, k := range keys {
			if !bytes.Contains(raw, []byte("`"+k+"`")) {
				t.Errorf("%s does not name `%s`", file, k)
			}
		}
	}
}
