// Renders charts in a loop with Helm's own engine: what a Go program can do at best.
//
// Each line of the input is a chart and, behind a tab, a values file; each line of the output is
// the mean time of a rendering in milliseconds, or "-" where it fails.
package main

import (
	"bufio"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"helm.sh/helm/v4/pkg/chart/common"
	"helm.sh/helm/v4/pkg/chart/common/util"
	chart "helm.sh/helm/v4/pkg/chart/v2"
	"helm.sh/helm/v4/pkg/chart/v2/loader"
	chartutil "helm.sh/helm/v4/pkg/chart/v2/util"
	"helm.sh/helm/v4/pkg/engine"
	releaseutil "helm.sh/helm/v4/pkg/release/v1/util"
)

// After so long no further run begins.
const long = 250 * time.Millisecond

func render(c *chart.Chart, values map[string]any) error {
	options := common.ReleaseOptions{Name: "rel", Namespace: "ns1", Revision: 1, IsInstall: true}
	top, err := util.ToRenderValues(c, values, options, common.DefaultCapabilities)
	if err != nil {
		return err
	}
	files, err := engine.Engine{}.Render(c, top)
	if err != nil {
		return err
	}
	for name := range files {
		if strings.HasSuffix(name, "NOTES.txt") {
			delete(files, name)
		}
	}
	_, _, err = releaseutil.SortManifests(files, nil, releaseutil.InstallOrder)
	return err
}

func measure(line string, rounds int) (float64, error) {
	path, valuesFile, _ := strings.Cut(line, "\t")
	values := map[string]any{}
	if valuesFile != "" {
		read, err := common.ReadValuesFile(valuesFile)
		if err != nil {
			return 0, err
		}
		values = read
	}
	c, err := loader.Load(path)
	if err != nil {
		return 0, err
	}
	if err := chartutil.ProcessDependencies(c, values); err != nil {
		return 0, err
	}
	if err := render(c, values); err != nil {
		return 0, err
	}
	start := time.Now()
	runs := 0
	for ; runs == 0 || runs < rounds && time.Since(start) < long; runs++ {
		if err := render(c, values); err != nil {
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
