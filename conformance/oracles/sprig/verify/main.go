// Checks files of PEM blocks: every certificate parses, every key parses, and each certificate is
// signed by itself or by an earlier one of the file.
//
//	go run ./verify FILE...
package main

import (
	"crypto/x509"
	"encoding/asn1"
	"encoding/pem"
	"fmt"
	"math/big"
	"os"
)

func main() {
	for _, name := range os.Args[1:] {
		rest, err := os.ReadFile(name)
		check(name, err)
		var seen []*x509.Certificate
		for {
			var block *pem.Block
			if block, rest = pem.Decode(rest); block == nil {
				break
			}
			fmt.Println(name, block.Type, describe(block, &seen))
		}
	}
}

func describe(block *pem.Block, seen *[]*x509.Certificate) string {
	switch block.Type {
	case "RSA PRIVATE KEY":
		key, err := x509.ParsePKCS1PrivateKey(block.Bytes)
		check("rsa", err)
		check("rsa", key.Validate())
		return fmt.Sprint(key.N.BitLen(), " bits")
	case "EC PRIVATE KEY":
		_, err := x509.ParseECPrivateKey(block.Bytes)
		check("ec", err)
		return "ok"
	case "PRIVATE KEY":
		key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
		check("pkcs8", err)
		return fmt.Sprintf("%T", key)
	case "DSA PRIVATE KEY":
		var k struct {
			V             int
			P, Q, G, Y, X *big.Int
		}
		_, err := asn1.Unmarshal(block.Bytes, &k)
		check("dsa", err)
		good := k.P.ProbablyPrime(20) && k.Q.ProbablyPrime(20) && new(big.Int).Exp(k.G, k.X, k.P).Cmp(k.Y) == 0
		return fmt.Sprint(k.P.BitLen(), " ", k.Q.BitLen(), " ", good)
	}
	cert, err := x509.ParseCertificate(block.Bytes)
	check("certificate", err)
	*seen = append(*seen, cert)
	for _, parent := range *seen {
		if parent.CheckSignature(cert.SignatureAlgorithm, cert.RawTBSCertificate, cert.Signature) == nil {
			return fmt.Sprintf("%v by %v until %v %v %v ca=%v usage=%v ext=%v ski=%x aki=%x", cert.Subject, parent.Subject, cert.NotAfter, cert.DNSNames, cert.IPAddresses, cert.IsCA, cert.KeyUsage, cert.ExtKeyUsage, cert.SubjectKeyId, cert.AuthorityKeyId)
		}
	}
	check("signature of "+cert.Subject.String(), fmt.Errorf("nobody's"))
	return ""
}

func check(what string, err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, what, err)
		os.Exit(1)
	}
}
