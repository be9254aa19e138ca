// Every long-context policy against the equations in double (support/reference_model.h), on every kind of block and instruction set.
#include "policy_testing.h"
#include "support/reference_model.h"

namespace mamba::policies {
namespace {

constexpr int64_t length = runs_slowly ? 150 : 210;  // over the first border of a window

class PolicyReference : public ::testing::TestWithParam<PolicyModel> {
protected:
    PolicyReference() : model(slow_model(GetParam())), text(policy_tokens(length)) {}

    // Logits of all tokens, with the policy set behind the first `begin`; then the states of all layers.
    std::vector<Logits> expected(const SetPolicy& policy, int64_t begin) const {
        test::ReferenceModel reference(*model);
        std::vector<Logits> all(1);
        for (int64_t t = 0; t < length; ++t) {
            if (t == begin) reference.set(policy.policy, policy.values);
            const auto logits = reference.read(text[static_cast<size_t>(t)]);
            all[0].insert(all[0].end(), logits.begin(), logits.end());
        }
        for (size_t i = 0; i < model->layers.size(); ++i) all.emplace_back(reference.state(i).begin(), reference.state(i).end());
        return all;
    }

    // The same of the engine, in pieces.
    std::vector<Logits> actual(const std::shared_ptr<Engine>& engine, const SetPolicy& policy, int64_t begin, int64_t piece) const {
        const auto session = engine->create_session();
        std::vector<Logits> all = {read_to(session, text, begin, piece)};
        engine->set_policy(*session, policy.make(*model));
        const Logits rest = read_to(session, text, length, piece);
        all[0].insert(all[0].end(), rest.begin(), rest.end());
        for (size_t i = 0; i < model->layers.size(); ++i) all.push_back(layer_state(*session, i));
        return all;
    }

    void compare(const std::vector<int64_t>& begins) const {
        for (const SetPolicy& policy : all_policies(*model)) {
            for (const int64_t begin : begins) {
                const std::vector<Logits> right = expected(policy, begin);
                for (const mamba_isa isa : begin == 0 ? instruction_sets() : std::vector<mamba_isa>{best_isa()}) {
                    const auto engine = policy_engine(model, isa);
                    for (const int64_t piece : some_of({50, 1, length})) {
                        const std::vector<Logits> got = actual(engine, policy, begin, piece);
                        for (size_t i = 0; i < right.size(); ++i) {
                            EXPECT_LT(relative_error(got[i], right[i]), 3e-5)
                                << policy.name << " from " << begin << ", " << name(isa) << ", pieces of " << piece
                                << (i == 0 ? ": logits" : ": state of layer ") << i;
                        }
                    }
                }
            }
        }
    }

    std::shared_ptr<const Model> model;
    std::vector<int32_t> text;
};

TEST_P(PolicyReference, SetAtTheBeginningEachIsWhatItsEquationSays) { compare({0}); }

TEST_P(PolicyReference, SetInTheMiddleEachHoldsFromTheNextTokenOn) { compare(some_of({37, 64})); }

// What the test above compares would be worth little if the policies changed nothing.
TEST_P(PolicyReference, EachMakesADifference) {
    const SetPolicy none{"none", policy_of(MAMBA_POLICY_NONE), {}};
    const std::vector<Logits> plain = expected(none, 0);
    for (const SetPolicy& policy : all_policies(*model)) {
        EXPECT_GT(relative_error(expected(policy, 0)[0], plain[0]), 3e-3) << policy.name;
    }
}

INSTANTIATE_TEST_SUITE_P(Models, PolicyReference, ::testing::ValuesIn(policy_models), model_name);

}  // namespace
}  // namespace mamba::policies
