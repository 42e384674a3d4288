// Settings of the step that a module from text may hold and a graph file may
// not, or that only the expansion checks.
// RUN: amp-opt %s --amp-gradients --split-input-file --verify-diagnostics

graph.variable @w : tensor<3xf32> {init = {kind = "zeros"}}
// expected-error @+1 {{'clip_norm' is the largest norm of the gradients, more than 0 and finite as a float32}}
graph.func @train(%t: tensor<3xf32> {graph.name = "t"}) -> tensor<f32>
    attributes {output_names = ["loss"], training = {loss = "loss",
      optimizer = {kind = "sgd"}, clip_norm = 0.0}} {
  %w = graph.read @w : tensor<3xf32>
  %loss = graph.mean_squared_error %w, %t : (tensor<3xf32>, tensor<3xf32>) -> tensor<f32> loc("loss")
  graph.return %loss : tensor<f32>
}

// -----

graph.variable @w : tensor<3xf32> {init = {kind = "zeros"}}
// expected-error @+1 {{'clip_norm' is the largest norm of the gradients, more than 0 and finite as a float32}}
graph.func @train(%t: tensor<3xf32> {graph.name = "t"}) -> tensor<f32>
    attributes {output_names = ["loss"], training = {loss = "loss",
      optimizer = {kind = "sgd"}, clip_norm = 1.0e39}} {
  %w = graph.read @w : tensor<3xf32>
  %loss = graph.mean_squared_error %w, %t : (tensor<3xf32>, tensor<3xf32>) -> tensor<f32> loc("loss")
  graph.return %loss : tensor<f32>
}

// -----

graph.variable @w : tensor<3xf32> {init = {kind = "zeros"}}
// expected-error @+1 {{'clip_norm' is the largest norm of the gradients, more than 0 and finite as a float32}}
graph.func @train(%t: tensor<3xf32> {graph.name = "t"}) -> tensor<f32>
    attributes {output_names = ["loss"], training = {loss = "loss",
      optimizer = {kind = "sgd"}, clip_norm = "much"}} {
  %w = graph.read @w : tensor<3xf32>
  %loss = graph.mean_squared_error %w, %t : (tensor<3xf32>, tensor<3xf32>) -> tensor<f32> loc("loss")
  graph.return %loss : tensor<f32>
}

// -----

graph.variable @w : tensor<3xf32> {init = {kind = "zeros"}}
// expected-error @+1 {{'accumulate_steps' is a number of calls, from 1 to 2147483647}}
graph.func @train(%t: tensor<3xf32> {graph.name = "t"}) -> tensor<f32>
    attributes {output_names = ["loss"], training = {loss = "loss",
      optimizer = {kind = "sgd"}, accumulate_steps = 0}} {
  %w = graph.read @w : tensor<3xf32>
  %loss = graph.mean_squared_error %w, %t : (tensor<3xf32>, tensor<3xf32>) -> tensor<f32> loc("loss")
  graph.return %loss : tensor<f32>
}

// -----

graph.variable @w : tensor<3xf32> {init = {kind = "zeros"}}
// expected-error @+1 {{'accumulate_steps' is a number of calls, from 1 to 2147483647}}
graph.func @train(%t: tensor<3xf32> {graph.name = "t"}) -> tensor<f32>
    attributes {output_names = ["loss"], training = {loss = "loss",
      optimizer = {kind = "sgd"}, accumulate_steps = 4294967296}} {
  %w = graph.read @w : tensor<3xf32>
  %loss = graph.mean_squared_error %w, %t : (tensor<3xf32>, tensor<3xf32>) -> tensor<f32> loc("loss")
  graph.return %loss : tensor<f32>
}

// -----

graph.variable @w : tensor<3xf32> {init = {kind = "zeros"}}
// expected-error @+1 {{'schedule' is one of constant, linear and cosine}}
graph.func @train(%t: tensor<3xf32> {graph.name = "t"}) -> tensor<f32>
    attributes {output_names = ["loss"], training = {loss = "loss",
      optimizer = {kind = "sgd"}, schedule = 3}} {
  %w = graph.read @w : tensor<3xf32>
  %loss = graph.mean_squared_error %w, %t : (tensor<3xf32>, tensor<3xf32>) -> tensor<f32> loc("loss")
  graph.return %loss : tensor<f32>
}

// -----

graph.variable @w : tensor<3xf32> {init = {kind = "zeros"}}
// expected-error @+1 {{unknown schedule 'step'}}
graph.func @train(%t: tensor<3xf32> {graph.name = "t"}) -> tensor<f32>
    attributes {output_names = ["loss"], training = {loss = "loss",
      optimizer = {kind = "sgd"}, schedule = {kind = "step"}}} {
  %w = graph.read @w : tensor<3xf32>
  %loss = graph.mean_squared_error %w, %t : (tensor<3xf32>, tensor<3xf32>) -> tensor<f32> loc("loss")
  graph.return %loss : tensor<f32>
}

// -----

graph.variable @w : tensor<3xf32> {init = {kind = "zeros"}}
// expected-error @+1 {{unknown schedule ''}}
graph.func @train(%t: tensor<3xf32> {graph.name = "t"}) -> tensor<f32>
    attributes {output_names = ["loss"], training = {loss = "loss",
      optimizer = {kind = "sgd"}, schedule = {}}} {
  %w = graph.read @w : tensor<3xf32>
  %loss = graph.mean_squared_error %w, %t : (tensor<3xf32>, tensor<3xf32>) -> tensor<f32> loc("loss")
  graph.return %loss : tensor<f32>
}

// -----

graph.variable @w : tensor<3xf32> {init = {kind = "zeros"}}
// expected-error @+1 {{schedule 'cosine' needs 'total_steps', the step at which it ends}}
graph.func @train(%t: tensor<3xf32> {graph.name = "t"}) -> tensor<f32>
    attributes {output_names = ["loss"], training = {loss = "loss",
      optimizer = {kind = "sgd"}, schedule = {kind = "cosine", warmup_steps = 3}}} {
  %w = graph.read @w : tensor<3xf32>
  %loss = graph.mean_squared_error %w, %t : (tensor<3xf32>, tensor<3xf32>) -> tensor<f32> loc("loss")
  graph.return %loss : tensor<f32>
}

// -----

graph.variable @w : tensor<3xf32> {init = {kind = "zeros"}}
// expected-error @+1 {{the schedule has 2 steps in all, fewer than its 3 steps of warm-up}}
graph.func @train(%t: tensor<3xf32> {graph.name = "t"}) -> tensor<f32>
    attributes {output_names = ["loss"], training = {loss = "loss",
      optimizer = {kind = "sgd"}, schedule = {kind = "constant", warmup_steps = 3, total_steps = 2}}} {
  %w = graph.read @w : tensor<3xf32>
  %loss = graph.mean_squared_error %w, %t : (tensor<3xf32>, tensor<3xf32>) -> tensor<f32> loc("loss")
  graph.return %loss : tensor<f32>
}

// -----

graph.variable @w : tensor<3xf32> {init = {kind = "zeros"}}
// expected-error @+1 {{'end' of the schedule needs 'total_steps', the step from which it holds}}
graph.func @train(%t: tensor<3xf32> {graph.name = "t"}) -> tensor<f32>
    attributes {output_names = ["loss"], training = {loss = "loss",
      optimizer = {kind = "sgd"}, schedule = {kind = "constant", end = 0.5}}} {
  %w = graph.read @w : tensor<3xf32>
  %loss = graph.mean_squared_error %w, %t : (tensor<3xf32>, tensor<3xf32>) -> tensor<f32> loc("loss")
  graph.return %loss : tensor<f32>
}

// -----

graph.variable @w : tensor<3xf32> {init = {kind = "zeros"}}
// expected-error @+1 {{'end' of the schedule is a factor of the learning rate, zero or more and finite}}
graph.func @train(%t: tensor<3xf32> {graph.name = "t"}) -> tensor<f32>
    attributes {output_names = ["loss"], training = {loss = "loss",
      optimizer = {kind = "sgd"}, schedule = {kind = "linear", total_steps = 2, end = -0.5}}} {
  %w = graph.read @w : tensor<3xf32>
  %loss = graph.mean_squared_error %w, %t : (tensor<3xf32>, tensor<3xf32>) -> tensor<f32> loc("loss")
  graph.return %loss : tensor<f32>
}

// -----

graph.variable @w : tensor<3xf32> {init = {kind = "zeros"}}
// expected-error @+1 {{'total_steps' of the schedule is a number of steps}}
graph.func @train(%t: tensor<3xf32> {graph.name = "t"}) -> tensor<f32>
    attributes {output_names = ["loss"], training = {loss = "loss",
      optimizer = {kind = "sgd"}, schedule = {kind = "linear", total_steps = 0}}} {
  %w = graph.read @w : tensor<3xf32>
  %loss = graph.mean_squared_error %w, %t : (tensor<3xf32>, tensor<3xf32>) -> tensor<f32> loc("loss")
  graph.return %loss : tensor<f32>
}

// -----

graph.variable @w : tensor<3xf32> {init = {kind = "zeros"}}
// expected-error @+1 {{'warmup_steps' of the schedule is a number of steps}}
graph.func @train(%t: tensor<3xf32> {graph.name = "t"}) -> tensor<f32>
    attributes {output_names = ["loss"], training = {loss = "loss",
      optimizer = {kind = "sgd"}, schedule = {kind = "linear", warmup_steps = 1.5}}} {
  %w = graph.read @w : tensor<3xf32>
  %loss = graph.mean_squared_error %w, %t : (tensor<3xf32>, tensor<3xf32>) -> tensor<f32> loc("loss")
  graph.return %loss : tensor<f32>
}

// -----

graph.variable @w : tensor<3xf32> {init = {kind = "zeros"}}
// expected-error @+1 {{schedule linear has no setting 'start'}}
graph.func @train(%t: tensor<3xf32> {graph.name = "t"}) -> tensor<f32>
    attributes {output_names = ["loss"], training = {loss = "loss",
      optimizer = {kind = "sgd"}, schedule = {kind = "linear", start = 1}}} {
  %w = graph.read @w : tensor<3xf32>
  %loss = graph.mean_squared_error %w, %t : (tensor<3xf32>, tensor<3xf32>) -> tensor<f32> loc("loss")
  graph.return %loss : tensor<f32>
}

// -----

graph.variable @w : tensor<3xf32> {init = {kind = "zeros"}}
// expected-error @+1 {{'no_decay' must be a list of names}}
graph.func @train(%t: tensor<3xf32> {graph.name = "t"}) -> tensor<f32>
    attributes {output_names = ["loss"], training = {loss = "loss",
      optimizer = {kind = "sgd"}, no_decay = 1}} {
  %w = graph.read @w : tensor<3xf32>
  %loss = graph.mean_squared_error %w, %t : (tensor<3xf32>, tensor<3xf32>) -> tensor<f32> loc("loss")
  graph.return %loss : tensor<f32>
}

// -----

graph.variable @w : tensor<3xf32> {init = {kind = "zeros"}}
// expected-error @+1 {{'no_decay' names "v", which is no variable}}
graph.func @train(%t: tensor<3xf32> {graph.name = "t"}) -> tensor<f32>
    attributes {output_names = ["loss"], training = {loss = "loss",
      optimizer = {kind = "sgd"}, no_decay = ["v"]}} {
  %w = graph.read @w : tensor<3xf32>
  %loss = graph.mean_squared_error %w, %t : (tensor<3xf32>, tensor<3xf32>) -> tensor<f32> loc("loss")
  graph.return %loss : tensor<f32>
}
