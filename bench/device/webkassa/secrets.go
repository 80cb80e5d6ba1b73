package webkassa

import (
	"errors"
	"fmt"
	"os"

	"github.com/goccy/go-yaml"
)

// LoadSecrets reads key and logins from a file that nobody else may read:
//
//	api_key: ...
//	admin: {login: ..., password: ...}
//	cashiers:
//	  2: {login: ..., password: ...}
func LoadSecrets(path string) (Secrets, error) {
	var s Secrets
	st, err := os.Stat(path)
	switch {
	case err != nil:
		return s, fmt.Errorf("secrets: %w", err)
	case !st.Mode().IsRegular():
		return s, fmt.Errorf("secrets %s: want a file", path)
	case st.Mode()&0o077 != 0:
		return s, fmt.Errorf("secrets %s: others may read it (%v): chmod 600 %s", path, st.Mode().Perm(), path)
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		return s, fmt.Errorf("secrets: %w", err)
	}
	if err := yaml.UnmarshalWithOptions(raw, &s, yaml.Strict()); err != nil {
		var y yaml.Error
		if errors.As(err, &y) && y.GetToken() != nil && y.GetToken().Position != nil {
			// The library's own text shows the lines around, and with them passwords.
			return s, fmt.Errorf("%s:%d:%d: %s: want api_key, admin and cashiers with login and password", path, y.GetToken().Position.Line, y.GetToken().Position.Column, y.GetMessage())
		}
		return s, fmt.Errorf("%s: want api_key, admin and cashiers with login and password", path)
	}
	return s, Options{Base: "http://h:1", Cashbox: "-", Secrets: s}.check()
}
