// Parses whatever bytes there are and reads all of the message through the C interface.
//
//   Tools/sanitize.sh 600 messages
#include "onnx_reader.h"

namespace {

volatile unsigned char sum;

void touch(dd_onnx_text text) {
    for (size_t i = 0; i < text.count; ++i) sum ^= text.bytes[i];
}

template <class Number> void touch(const Number *values, size_t count) {
    for (size_t i = 0; i < count; ++i) sum ^= reinterpret_cast<const unsigned char *>(values + i)[0];
}

void visit(const dd_onnx_graph *graph);

void visit(const dd_onnx_tensor *tensor) {
    touch(dd_onnx_tensor_name(tensor));
    sum ^= dd_onnx_tensor_data_type(tensor) ^ dd_onnx_tensor_has_raw_data(tensor) ^ dd_onnx_tensor_has_segment(tensor);
    touch(dd_onnx_tensor_dimensions(tensor), dd_onnx_tensor_dimension_count(tensor));
    touch(dd_onnx_tensor_raw_data(tensor));
    touch(dd_onnx_tensor_floats(tensor), dd_onnx_tensor_float_count(tensor));
    touch(dd_onnx_tensor_int32s(tensor), dd_onnx_tensor_int32_count(tensor));
    touch(dd_onnx_tensor_int64s(tensor), dd_onnx_tensor_int64_count(tensor));
    touch(dd_onnx_tensor_doubles(tensor), dd_onnx_tensor_double_count(tensor));
    touch(dd_onnx_tensor_uint64s(tensor), dd_onnx_tensor_uint64_count(tensor));
    sum ^= dd_onnx_tensor_string_count(tensor) ^ dd_onnx_tensor_is_external(tensor);
    for (size_t i = 0; i < dd_onnx_tensor_external_count(tensor); ++i) {
        touch(dd_onnx_tensor_external_key(tensor, i));
        touch(dd_onnx_tensor_external_value(tensor, i));
    }
}

void visit(const dd_onnx_attribute *attribute) {
    touch(dd_onnx_attribute_name(attribute));
    touch(dd_onnx_attribute_reference(attribute));
    touch(dd_onnx_attribute_string(attribute));
    sum ^= dd_onnx_attribute_kind_of(attribute) ^ dd_onnx_attribute_int(attribute) ^ (dd_onnx_attribute_float(attribute) > 0);
    visit(dd_onnx_attribute_tensor(attribute));
    if (dd_onnx_attribute_kind_of(attribute) == DD_ONNX_ATTRIBUTE_GRAPH) visit(dd_onnx_attribute_graph(attribute));
    touch(dd_onnx_attribute_floats(attribute), dd_onnx_attribute_float_count(attribute));
    touch(dd_onnx_attribute_ints(attribute), dd_onnx_attribute_int_count(attribute));
    for (size_t i = 0; i < dd_onnx_attribute_string_count(attribute); ++i) touch(dd_onnx_attribute_string_at(attribute, i));
    for (size_t i = 0; i < dd_onnx_attribute_tensor_count(attribute); ++i) visit(dd_onnx_attribute_tensor_at(attribute, i));
    for (size_t i = 0; i < dd_onnx_attribute_graph_count(attribute); ++i) visit(dd_onnx_attribute_graph_at(attribute, i));
}

void visit(const dd_onnx_node *node) {
    touch(dd_onnx_node_name(node));
    touch(dd_onnx_node_op_type(node));
    touch(dd_onnx_node_domain(node));
    touch(dd_onnx_node_overload(node));
    touch(dd_onnx_node_documentation(node));
    for (size_t i = 0; i < dd_onnx_node_input_count(node); ++i) touch(dd_onnx_node_input(node, i));
    for (size_t i = 0; i < dd_onnx_node_output_count(node); ++i) touch(dd_onnx_node_output(node, i));
    for (size_t i = 0; i < dd_onnx_node_attribute_count(node); ++i) visit(dd_onnx_node_attribute(node, i));
}

void visit(const dd_onnx_value_info *info) {
    touch(dd_onnx_value_info_name(info));
    sum ^= dd_onnx_value_info_type(info) ^ dd_onnx_value_info_element_type(info) ^ dd_onnx_value_info_has_shape(info);
    for (size_t i = 0; i < dd_onnx_value_info_dimension_count(info); ++i) {
        sum ^= dd_onnx_value_info_dimension_kind(info, i) ^ dd_onnx_value_info_dimension_size(info, i);
        touch(dd_onnx_value_info_dimension_symbol(info, i));
    }
}

void visit(const dd_onnx_graph *graph) {
    touch(dd_onnx_graph_name(graph));
    for (size_t i = 0; i < dd_onnx_graph_node_count(graph); ++i) visit(dd_onnx_graph_node(graph, i));
    for (size_t i = 0; i < dd_onnx_graph_initializer_count(graph); ++i) visit(dd_onnx_graph_initializer(graph, i));
    for (size_t i = 0; i < dd_onnx_graph_sparse_initializer_count(graph); ++i) touch(dd_onnx_graph_sparse_initializer_name(graph, i));
    for (size_t i = 0; i < dd_onnx_graph_input_count(graph); ++i) visit(dd_onnx_graph_input(graph, i));
    for (size_t i = 0; i < dd_onnx_graph_output_count(graph); ++i) visit(dd_onnx_graph_output(graph, i));
    for (size_t i = 0; i < dd_onnx_graph_value_info_count(graph); ++i) visit(dd_onnx_graph_value_info(graph, i));
}

void visit(const dd_onnx_model *model) {
    sum ^= dd_onnx_model_ir_version(model) ^ dd_onnx_model_has_graph(model);
    touch(dd_onnx_model_producer_name(model));
    touch(dd_onnx_model_producer_version(model));
    for (size_t i = 0; i < dd_onnx_model_opset_count(model); ++i) {
        touch(dd_onnx_model_opset_domain(model, i));
        sum ^= dd_onnx_model_opset_version(model, i);
    }
    for (size_t i = 0; i < dd_onnx_model_metadata_count(model); ++i) {
        touch(dd_onnx_model_metadata_key(model, i));
        touch(dd_onnx_model_metadata_value(model, i));
    }
    visit(dd_onnx_model_graph(model));
    for (size_t f = 0; f < dd_onnx_model_function_count(model); ++f) {
        const auto *function = dd_onnx_model_function(model, f);
        touch(dd_onnx_function_domain(function));
        touch(dd_onnx_function_name(function));
        touch(dd_onnx_function_overload(function));
        for (size_t i = 0; i < dd_onnx_function_input_count(function); ++i) touch(dd_onnx_function_input(function, i));
        for (size_t i = 0; i < dd_onnx_function_output_count(function); ++i) touch(dd_onnx_function_output(function, i));
        for (size_t i = 0; i < dd_onnx_function_attribute_count(function); ++i) touch(dd_onnx_function_attribute(function, i));
        for (size_t i = 0; i < dd_onnx_function_default_count(model, f); ++i) visit(dd_onnx_function_default(model, f, i));
        for (size_t i = 0; i < dd_onnx_function_node_count(function); ++i) visit(dd_onnx_function_node(function, i));
        for (size_t i = 0; i < dd_onnx_function_opset_count(function); ++i) {
            touch(dd_onnx_function_opset_domain(function, i));
            sum ^= dd_onnx_function_opset_version(function, i);
        }
    }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    dd_onnx_model *model = nullptr;
    // A small bound, so that running out of memory is tried as well.
    if (dd_onnx_model_parse_within(data, size, size_t(1) << 20, &model) == DD_ONNX_PARSED) visit(model);
    dd_onnx_model_free(model);
    return 0;
}
