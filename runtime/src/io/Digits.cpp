//===- Digits.cpp - Draws 28x28 images of digits --------------------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// A data set without a download. Each digit is a set of strokes in the unit
// square; an example moves their points a little, applies a random affine map
// and paints the distance to the nearest stroke. All randomness is a function
// of (seed, split, example, draw), so that example number n never depends on
// how many are drawn.
//===----------------------------------------------------------------------===//

#include "amprt/io/Dataset.h"
#include "amprt/io/Random.h"

#include <algorithm>
#include <cmath>

namespace amprt::io {
namespace {

constexpr int kSide = 28;
constexpr float kPi = 3.14159265f;

struct Point {
  float x, y;
};
using Stroke = std::vector<Point>;

/// Part of an ellipse, angles in turns, clockwise from the right (y is down).
Stroke arc(float cx, float cy, float rx, float ry, float from, float to) {
  Stroke stroke;
  const int steps = std::max(4, int(std::lround(std::fabs(to - from) * 14)));
  for (int i = 0; i <= steps; ++i) {
    const float angle = 2 * kPi * (from + (to - from) * float(i) / steps);
    stroke.push_back({cx + rx * std::cos(angle), cy + ry * std::sin(angle)});
  }
  return stroke;
}

std::vector<Stroke> glyph(int digit) {
  switch (digit) {
  case 0:
    return {arc(.5f, .5f, .3f, .45f, 0, 1)};
  case 1:
    return {{{.33f, .25f}, {.55f, .05f}, {.55f, .95f}}};
  case 2: {
    Stroke s = arc(.5f, .3f, .28f, .25f, -.5f, .1f);
    s.push_back({.2f, .95f});
    s.push_back({.8f, .95f});
    return {s};
  }
  case 3:
    return {arc(.45f, .28f, .28f, .23f, -.42f, .25f),
            arc(.45f, .72f, .32f, .23f, -.25f, .42f)};
  case 4:
    return {{{.6f, .05f}, {.18f, .65f}, {.85f, .65f}},
            {{.64f, .4f}, {.64f, .95f}}};
  case 5: {
    Stroke s = {{.78f, .06f}, {.3f, .06f}, {.26f, .45f}};
    const Stroke bow = arc(.46f, .67f, .32f, .28f, -.32f, .4f);
    s.insert(s.end(), bow.begin(), bow.end());
    return {s};
  }
  case 6:
    return {{{.7f, .06f}, {.42f, .3f}, {.24f, .65f}},
            arc(.5f, .7f, .27f, .24f, 0, 1)};
  case 7:
    return {{{.2f, .07f}, {.8f, .07f}, {.42f, .95f}}};
  case 8:
    return {arc(.5f, .28f, .24f, .22f, 0, 1), arc(.5f, .73f, .3f, .23f, 0, 1)};
  default:
    return {arc(.5f, .3f, .27f, .24f, 0, 1), {{.76f, .35f}, {.68f, .95f}}};
  }
}

float segmentDistance(Point p, Point a, Point b) {
  const float dx = b.x - a.x, dy = b.y - a.y;
  const float length2 = dx * dx + dy * dy;
  float t = length2 > 0 ? ((p.x - a.x) * dx + (p.y - a.y) * dy) / length2 : 0;
  t = std::min(1.f, std::max(0.f, t));
  const float ex = p.x - (a.x + t * dx), ey = p.y - (a.y + t * dy);
  return std::sqrt(ex * ex + ey * ey);
}

void drawDigit(int digit, RandomStream &random, uint8_t *pixels) {
  auto between = [&](float low, float high) {
    return low + (high - low) * random.nextFloat();
  };
  const float angle = between(-.3f, .3f), slant = between(-.35f, .35f);
  const float scaleX = between(13, 21), scaleY = between(16, 23);
  const float centreX = 13.5f + between(-3.5f, 3.5f);
  const float centreY = 13.5f + between(-2.5f, 2.5f);
  const float half = between(.6f, 1.7f), ink = between(.55f, 1);
  const float cosine = std::cos(angle), sine = std::sin(angle);

  std::vector<Stroke> strokes = glyph(digit);
  for (Stroke &stroke : strokes)
    for (Point &p : stroke) {
      const float y = (p.y - .5f + between(-.035f, .035f)) * scaleY;
      const float x = (p.x - .5f + between(-.035f, .035f)) * scaleX - slant * y;
      p = {centreX + cosine * x - sine * y, centreY + sine * x + cosine * y};
    }
  // A short stroke that belongs to no digit.
  if (random.nextFloat() < .5f) {
    const Point at = {between(1, 26), between(1, 26)};
    strokes.push_back({at, {at.x + between(-5, 5), at.y + between(-5, 5)}});
  }

  for (int y = 0; y < kSide; ++y)
    for (int x = 0; x < kSide; ++x) {
      float distance = 100;
      for (const Stroke &stroke : strokes)
        for (size_t i = 1; i < stroke.size(); ++i)
          distance =
              std::min(distance, segmentDistance({float(x), float(y)},
                                                 stroke[i - 1], stroke[i]));
      const float painted =
          ink * std::min(1.f, std::max(0.f, half + .5f - distance));
      const float noisy = painted + .25f * (random.nextFloat() - .5f);
      pixels[y * kSide + x] =
          uint8_t(std::lround(255 * std::min(1.f, std::max(0.f, noisy))));
    }
}

Result<Split> drawSplit(uint64_t seed, uint32_t part, int64_t count) {
  AMPRT_ASSIGN_OR_RETURN(Tensor images,
                         Tensor::create(DType::UInt8, {count, kSide, kSide}));
  AMPRT_ASSIGN_OR_RETURN(Tensor labels, Tensor::create(DType::UInt8, {count}));
  uint8_t *pixels = images.as<uint8_t>(), *classes = labels.as<uint8_t>();
  for (int64_t i = 0; i < count; ++i) {
    RandomStream random(seed, RandomUse::Digits, part, uint32_t(i));
    const int digit = int(random.nextBelow(10));
    classes[i] = uint8_t(digit);
    drawDigit(digit, random, pixels + i * kSide * kSide);
  }
  Split split;
  split.fields.push_back({"images", std::move(images), true});
  split.fields.push_back({"labels", std::move(labels), false});
  return split;
}

} // namespace

Result<Dataset> makeDigits(const DigitsOptions &options) {
  Dataset data;
  data.name = "digits";
  data.imagesAndLabels = true;
  AMPRT_ASSIGN_OR_RETURN(data.train, drawSplit(options.seed, 0, options.train));
  AMPRT_ASSIGN_OR_RETURN(data.test, drawSplit(options.seed, 1, options.test));
  return data;
}

} // namespace amprt::io
