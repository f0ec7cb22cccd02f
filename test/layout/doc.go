// Package layout holds the walls between the packages: which of them may import which, followed to the ends of the imports.
package layout
