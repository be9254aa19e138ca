// What the tests on a device share.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "engine/engine.h"

namespace mamba {

inline std::string fixture(const std::string& name) {
    const char* elsewhere = std::getenv("MAMBA_FIXTURES");  // the machine with the device is seldom the one that builds
    return std::string(elsewhere != nullptr ? elsewhere : MAMBA_FIXTURES) + "/" + name;
}

inline std::shared_ptr<Engine> make_engine(std::shared_ptr<const Model> model, mamba_device_kind kind, int64_t rollback = 0,
                                           int64_t rows = 0) {
    EngineOptions options;
    options.device_kind = kind;
    options.rollback_tokens = rollback;
    options.max_batch_tokens = rows;
    return std::make_shared<Engine>(std::move(model), options);
}

inline std::vector<float> feed(Engine& engine, const std::shared_ptr<Session>& session, const int32_t* tokens, int64_t count,
                               int64_t rows) {
    std::vector<float> logits(static_cast<size_t>(rows * engine.model().config.padded_vocab_size));
    BatchOutput output;
    output.logits = logits.data();
    engine.evaluate({{session, tokens, count, rows, 0, 0}}, output, nullptr);
    return logits;
}

inline std::vector<float> feed_in_pieces(Engine& engine, const std::shared_ptr<Session>& session, const std::vector<int32_t>& tokens,
                                         const std::vector<int64_t>& pieces) {
    std::vector<float> all;
    int64_t done = 0;
    for (size_t i = 0; done < static_cast<int64_t>(tokens.size()); ++i) {
        const int64_t count = std::min(pieces[i % pieces.size()], static_cast<int64_t>(tokens.size()) - done);
        const std::vector<float> part = feed(engine, session, tokens.data() + done, count, count);
        all.insert(all.end(), part.begin(), part.end());
        done += count;
    }
    return all;
}

inline double worst(const std::vector<float>& a, const std::vector<float>& b) {
    EXPECT_EQ(a.size(), b.size());
    double largest = 0;
    for (size_t i = 0; i < std::min(a.size(), b.size()); ++i) {
        const double difference = std::fabs(static_cast<double>(a[i]) - b[i]);
        if (!(difference <= largest)) largest = difference;  // not a number is the worst
    }
    return largest;
}

inline double deviation(const std::vector<float>& values) {
    double sum = 0, squares = 0;
    for (const float v : values) sum += v, squares += static_cast<double>(v) * v;
    const auto n = static_cast<double>(values.size());
    return std::sqrt(squares / n - sum / n * sum / n);
}

}  // namespace mamba
