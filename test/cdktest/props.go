package cdktest

import (
	"maps"
	"reflect"
	"slices"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
)

// EveryPropMatters builds a construct with the props that base returns, and once more for each change. It wants each
// template to differ: so it finds an option that is declared and never read. Changes are keyed by the name of the
// field; a field of the props struct P without a change fails the test. base and the changes get the stack that the
// construct is then built in, to make what they hand over.
func EveryPropMatters[P any](
	t *testing.T, base func(awscdk.Stack) P, build func(awscdk.Stack, *P), changes map[string]func(awscdk.Stack, *P),
) {
	t.Helper()
	synth := func(t *testing.T, change func(awscdk.Stack, *P)) Template {
		t.Helper()
		app := NewApp(t)
		stack := NewStack(app, "Stack", "eu-west-1")
		props := base(stack)
		change(stack, &props)
		build(stack, &props)
		return Synth(t, app).Template(t, "Stack")
	}
	plain := synth(t, func(awscdk.Stack, *P) {})
	for _, field := range reflect.VisibleFields(reflect.TypeFor[P]()) {
		if _, ok := changes[field.Name]; !ok && field.IsExported() {
			t.Errorf("no change sets the prop %s", field.Name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(changes)) {
		t.Run(name, func(t *testing.T) {
			if _, ok := reflect.TypeFor[P]().FieldByName(name); !ok {
				t.Fatalf("there is no prop %s", name)
			}
			if equal(t, plain, synth(t, changes[name])) {
				t.Errorf("the template is the same with and without the prop %s", name)
			}
		})
	}
}
