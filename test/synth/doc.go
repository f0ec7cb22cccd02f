// Package synth holds no code, only tests: everything that must be true of every stack that infra makes, in an App,
// below a Stage and in the pipeline, with one region to three, two zones and three, every default and every option.
//
// Synthesizing is slow, so TestStacks does it once and shares it. -update rewrites the list of stateful resources.
package synth
