// RUN: amp-opt --split-input-file --verify-diagnostics --amp-verify-contract %s

// No record, nothing to check.
graph.func @nothing(%x: tensor<4xf32>) -> (tensor<4xf32>) attributes {output_names = ["x"]} {
  graph.return %x : tensor<4xf32>
}

// -----

// expected-error @below {{contract: the record is malformed}}
graph.func @malformed(%x: tensor<4xf32>) -> (tensor<4xf32>) attributes {output_names = ["x"], amp.contract = {}} {
  graph.return %x : tensor<4xf32>
}

// -----

// expected-error @below {{contract: more than casts has changed, the fingerprint is another one}}
graph.func @fingerprint(%x: tensor<4xf32>) -> (tensor<4xf32>) attributes {output_names = ["x"], amp.contract = {fingerprint = "0", low = {}, type = (tensor<4xf32>) -> tensor<4xf32>}} {
  graph.return %x : tensor<4xf32>
}

// -----

// expected-error @below {{contract: the type of the function was}}
graph.func @signature(%x: tensor<4xf32>) -> (tensor<4xf32>) attributes {output_names = ["x"], amp.contract = {fingerprint = "0", low = {}, type = (tensor<4xf16>) -> tensor<4xf32>}} {
  graph.return %x : tensor<4xf32>
}
