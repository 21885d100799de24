// Builds kustomizations in a loop with kustomize's own library: what a Go program can do at best.
//
// Each line of the input is a folder; each line of the output is the mean time of a build in
// milliseconds, or "-" where it fails.
package main

import (
	"bufio"
	"fmt"
	"os"
	"strconv"
	"time"

	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"
)

// After so long no further run begins.
const long = 250 * time.Millisecond

func build(folder string) (err error) {
	// The library panics on some broken kustomizations.
	defer func() {
		if cause := recover(); cause != nil {
			err = fmt.Errorf("%v", cause)
		}
	}()
	k := krusty.MakeKustomizer(krusty.MakeDefaultOptions())
	resources, err := k.Run(filesys.MakeFsOnDisk(), folder)
	if err != nil {
		return err
	}
	_, err = resources.AsYaml()
	return err
}

func measure(folder string, rounds int) (float64, error) {
	if err := build(folder); err != nil {
		return 0, err
	}
	start := time.Now()
	runs := 0
	for ; runs == 0 || runs < rounds && time.Since(start) < long; runs++ {
		if err := build(folder); err != nil {
			return 0, err
		}
	}
	return float64(time.Since(start).Microseconds()) / 1e3 / float64(runs), nil
}

func main() {
	rounds, err := strconv.Atoi(os.Args[1])
	if err != nil {
		panic(err)
	}
	input := bufio.NewScanner(os.Stdin)
	for input.Scan() {
		milliseconds, err := measure(input.Text(), rounds)
		if err != nil {
			fmt.Println("-")
			continue
		}
		fmt.Println(milliseconds)
	}
}
