package main

import (
	"encoding/json"
	"fmt"
	"reflect"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// The SDK's types have the names of the protocol's members, so that they can be filled and written by reflection. Only an attribute's
// value has a form of its own: an object with the name of its type.

// fromWire fills a value of one of the SDK's types from decoded JSON.
func fromWire(raw any, into reflect.Value) error {
	if raw == nil {
		return nil
	}
	if into.Type() == reflect.TypeFor[types.AttributeValue]() {
		value, err := attributeOf(raw)
		if err == nil {
			into.Set(reflect.ValueOf(value))
		}
		return err
	}
	switch from := raw.(type) {
	case map[string]any:
		return objectFromWire(from, into)
	case []any:
		if into.Kind() != reflect.Slice {
			return fmt.Errorf("a list is not a %s", into.Type())
		}
		into.Set(reflect.MakeSlice(into.Type(), len(from), len(from)))
		for i, one := range from {
			if err := fromWire(one, into.Index(i)); err != nil {
				return err
			}
		}
		return nil
	}
	if into.Kind() == reflect.Pointer {
		into.Set(reflect.New(into.Type().Elem()))
		return fromWire(raw, into.Elem())
	}
	return scalarFromWire(raw, into)
}

func objectFromWire(from map[string]any, into reflect.Value) error {
	switch into.Kind() {
	case reflect.Pointer:
		into.Set(reflect.New(into.Type().Elem()))
		return objectFromWire(from, into.Elem())
	case reflect.Map:
		into.Set(reflect.MakeMapWithSize(into.Type(), len(from)))
		for name, raw := range from {
			value := reflect.New(into.Type().Elem()).Elem()
			if err := fromWire(raw, value); err != nil {
				return err
			}
			into.SetMapIndex(reflect.ValueOf(name), value)
		}
		return nil
	case reflect.Struct:
		for name, raw := range from {
			field := into.FieldByName(name)
			if !field.IsValid() {
				return fmt.Errorf("%s has no member %s", into.Type(), name)
			}
			if err := fromWire(raw, field); err != nil {
				return err
			}
		}
		return nil
	default:
		return fmt.Errorf("an object is not a %s", into.Type())
	}
}

func scalarFromWire(raw any, into reflect.Value) error {
	switch from := raw.(type) {
	case string:
		if into.Kind() == reflect.String {
			into.SetString(from)
			return nil
		}
	case bool:
		if into.Kind() == reflect.Bool {
			into.SetBool(from)
			return nil
		}
	case json.Number:
		if into.CanInt() {
			n, err := from.Int64()
			into.SetInt(n)
			return err
		}
	}
	return fmt.Errorf("%v is not a %s", raw, into.Type())
}

// attributeOf is the value of an attribute, of the types that the service's tables have.
func attributeOf(raw any) (types.AttributeValue, error) {
	object, _ := raw.(map[string]any)
	for name, value := range object {
		switch value := value.(type) {
		case string:
			if name == "N" {
				return &types.AttributeValueMemberN{Value: value}, nil
			}
			return &types.AttributeValueMemberS{Value: value}, nil
		case bool:
			if name == "NULL" {
				return &types.AttributeValueMemberNULL{Value: value}, nil
			}
			return &types.AttributeValueMemberBOOL{Value: value}, nil
		case []any:
			var texts []string
			for _, one := range value {
				text, _ := one.(string)
				texts = append(texts, text)
			}
			if name == "NS" {
				return &types.AttributeValueMemberNS{Value: texts}, nil
			}
			return &types.AttributeValueMemberSS{Value: texts}, nil
		}
	}
	return nil, fmt.Errorf("an attribute of a type that no table has: %v", raw)
}

// toWire is a value of one of the SDK's types as it is encoded to JSON, without what it leaves out.
func toWire(v reflect.Value) any {
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		if v.IsNil() {
			return nil
		}
		if value, is := v.Interface().(types.AttributeValue); is {
			return attributeToWire(value)
		}
		return toWire(v.Elem())
	case reflect.Struct:
		return structToWire(v)
	case reflect.Map:
		object := map[string]any{}
		for name, value := range v.Seq2() {
			object[name.String()] = toWire(value)
		}
		return object
	case reflect.Slice:
		list := make([]any, v.Len())
		for i := range list {
			list[i] = toWire(v.Index(i))
		}
		return list
	default:
		return v.Interface()
	}
}

func structToWire(v reflect.Value) map[string]any {
	fields := map[string]any{}
	for i := range v.NumField() {
		field := v.Type().Field(i)
		if field.IsExported() && field.Name != "ResultMetadata" && !v.Field(i).IsZero() {
			fields[field.Name] = toWire(v.Field(i))
		}
	}
	return fields
}

func attributeToWire(value types.AttributeValue) any {
	switch v := value.(type) {
	case *types.AttributeValueMemberS:
		return map[string]any{"S": v.Value}
	case *types.AttributeValueMemberN:
		return map[string]any{"N": v.Value}
	case *types.AttributeValueMemberBOOL:
		return map[string]any{"BOOL": v.Value}
	case *types.AttributeValueMemberNULL:
		return map[string]any{"NULL": v.Value}
	case *types.AttributeValueMemberNS:
		return map[string]any{"NS": v.Value}
	case *types.AttributeValueMemberSS:
		return map[string]any{"SS": v.Value}
	default:
		return nil
	}
}
