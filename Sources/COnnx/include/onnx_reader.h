// A C interface to the messages of an ONNX model, for reading.
//
// Everything that is returned belongs to the model and lives as long as it does. Indices must be below the counts. Fields that
// are not there read as zero, an empty text or an empty list, as protobuf has it. No exception leaves these functions.
#ifndef ONNX_READER_H
#define ONNX_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct dd_onnx_model dd_onnx_model;
typedef struct dd_onnx_graph dd_onnx_graph;
typedef struct dd_onnx_function dd_onnx_function;
typedef struct dd_onnx_node dd_onnx_node;
typedef struct dd_onnx_attribute dd_onnx_attribute;
typedef struct dd_onnx_tensor dd_onnx_tensor;
typedef struct dd_onnx_value_info dd_onnx_value_info;

/// Bytes without a terminator; they need not be UTF-8.
typedef struct {
    const char *bytes;
    size_t count;
} dd_onnx_text;

typedef enum {
    DD_ONNX_PARSED,
    /// The bytes are no serialised message, or end too early.
    DD_ONNX_BROKEN,
    /// The parsed message would take far more memory than the bytes can mean.
    DD_ONNX_TOO_LARGE,
} dd_onnx_status;

/// Parses a serialised model. The bytes are not needed afterwards.
dd_onnx_status dd_onnx_model_parse(const void *bytes, size_t count, dd_onnx_model **model);
/// The same with a bound on the memory of the message's structure, texts aside.
dd_onnx_status dd_onnx_model_parse_within(const void *bytes, size_t count, size_t memory_limit, dd_onnx_model **model);
void dd_onnx_model_free(dd_onnx_model *model);

int64_t dd_onnx_model_ir_version(const dd_onnx_model *model);
dd_onnx_text dd_onnx_model_producer_name(const dd_onnx_model *model);
dd_onnx_text dd_onnx_model_producer_version(const dd_onnx_model *model);
bool dd_onnx_model_has_graph(const dd_onnx_model *model);
const dd_onnx_graph *dd_onnx_model_graph(const dd_onnx_model *model);
size_t dd_onnx_model_opset_count(const dd_onnx_model *model);
dd_onnx_text dd_onnx_model_opset_domain(const dd_onnx_model *model, size_t index);
int64_t dd_onnx_model_opset_version(const dd_onnx_model *model, size_t index);
size_t dd_onnx_model_metadata_count(const dd_onnx_model *model);
dd_onnx_text dd_onnx_model_metadata_key(const dd_onnx_model *model, size_t index);
dd_onnx_text dd_onnx_model_metadata_value(const dd_onnx_model *model, size_t index);
size_t dd_onnx_model_function_count(const dd_onnx_model *model);
const dd_onnx_function *dd_onnx_model_function(const dd_onnx_model *model, size_t index);

dd_onnx_text dd_onnx_graph_name(const dd_onnx_graph *graph);
size_t dd_onnx_graph_node_count(const dd_onnx_graph *graph);
const dd_onnx_node *dd_onnx_graph_node(const dd_onnx_graph *graph, size_t index);
size_t dd_onnx_graph_initializer_count(const dd_onnx_graph *graph);
const dd_onnx_tensor *dd_onnx_graph_initializer(const dd_onnx_graph *graph, size_t index);
size_t dd_onnx_graph_sparse_initializer_count(const dd_onnx_graph *graph);
/// The name of a sparse initialiser, which its values carry.
dd_onnx_text dd_onnx_graph_sparse_initializer_name(const dd_onnx_graph *graph, size_t index);
size_t dd_onnx_graph_input_count(const dd_onnx_graph *graph);
const dd_onnx_value_info *dd_onnx_graph_input(const dd_onnx_graph *graph, size_t index);
size_t dd_onnx_graph_output_count(const dd_onnx_graph *graph);
const dd_onnx_value_info *dd_onnx_graph_output(const dd_onnx_graph *graph, size_t index);
size_t dd_onnx_graph_value_info_count(const dd_onnx_graph *graph);
const dd_onnx_value_info *dd_onnx_graph_value_info(const dd_onnx_graph *graph, size_t index);

dd_onnx_text dd_onnx_function_domain(const dd_onnx_function *function);
dd_onnx_text dd_onnx_function_name(const dd_onnx_function *function);
dd_onnx_text dd_onnx_function_overload(const dd_onnx_function *function);
size_t dd_onnx_function_input_count(const dd_onnx_function *function);
dd_onnx_text dd_onnx_function_input(const dd_onnx_function *function, size_t index);
size_t dd_onnx_function_output_count(const dd_onnx_function *function);
dd_onnx_text dd_onnx_function_output(const dd_onnx_function *function, size_t index);
/// Attributes without a default value.
size_t dd_onnx_function_attribute_count(const dd_onnx_function *function);
dd_onnx_text dd_onnx_function_attribute(const dd_onnx_function *function, size_t index);
/// Attributes with their default values.
size_t dd_onnx_function_default_count(const dd_onnx_model *model, size_t function);
const dd_onnx_attribute *dd_onnx_function_default(const dd_onnx_model *model, size_t function, size_t index);
size_t dd_onnx_function_node_count(const dd_onnx_function *function);
const dd_onnx_node *dd_onnx_function_node(const dd_onnx_function *function, size_t index);
size_t dd_onnx_function_opset_count(const dd_onnx_function *function);
dd_onnx_text dd_onnx_function_opset_domain(const dd_onnx_function *function, size_t index);
int64_t dd_onnx_function_opset_version(const dd_onnx_function *function, size_t index);

dd_onnx_text dd_onnx_node_name(const dd_onnx_node *node);
dd_onnx_text dd_onnx_node_op_type(const dd_onnx_node *node);
dd_onnx_text dd_onnx_node_domain(const dd_onnx_node *node);
dd_onnx_text dd_onnx_node_overload(const dd_onnx_node *node);
dd_onnx_text dd_onnx_node_documentation(const dd_onnx_node *node);
size_t dd_onnx_node_input_count(const dd_onnx_node *node);
dd_onnx_text dd_onnx_node_input(const dd_onnx_node *node, size_t index);
size_t dd_onnx_node_output_count(const dd_onnx_node *node);
dd_onnx_text dd_onnx_node_output(const dd_onnx_node *node, size_t index);
size_t dd_onnx_node_attribute_count(const dd_onnx_node *node);
const dd_onnx_attribute *dd_onnx_node_attribute(const dd_onnx_node *node, size_t index);

/// The numbers of AttributeProto.AttributeType.
typedef enum {
    DD_ONNX_ATTRIBUTE_UNDEFINED = 0,
    DD_ONNX_ATTRIBUTE_FLOAT = 1,
    DD_ONNX_ATTRIBUTE_INT = 2,
    DD_ONNX_ATTRIBUTE_STRING = 3,
    DD_ONNX_ATTRIBUTE_TENSOR = 4,
    DD_ONNX_ATTRIBUTE_GRAPH = 5,
    DD_ONNX_ATTRIBUTE_FLOATS = 6,
    DD_ONNX_ATTRIBUTE_INTS = 7,
    DD_ONNX_ATTRIBUTE_STRINGS = 8,
    DD_ONNX_ATTRIBUTE_TENSORS = 9,
    DD_ONNX_ATTRIBUTE_GRAPHS = 10,
    DD_ONNX_ATTRIBUTE_SPARSE_TENSOR = 11,
    DD_ONNX_ATTRIBUTE_SPARSE_TENSORS = 12,
    DD_ONNX_ATTRIBUTE_TYPE_PROTO = 13,
    DD_ONNX_ATTRIBUTE_TYPE_PROTOS = 14,
} dd_onnx_attribute_kind;

dd_onnx_text dd_onnx_attribute_name(const dd_onnx_attribute *attribute);
/// The attribute of the enclosing function that gives the value; empty for most.
dd_onnx_text dd_onnx_attribute_reference(const dd_onnx_attribute *attribute);
/// As the message says; UNDEFINED for old models that leave it out and for kinds that are newer than this.
dd_onnx_attribute_kind dd_onnx_attribute_kind_of(const dd_onnx_attribute *attribute);
float dd_onnx_attribute_float(const dd_onnx_attribute *attribute);
int64_t dd_onnx_attribute_int(const dd_onnx_attribute *attribute);
dd_onnx_text dd_onnx_attribute_string(const dd_onnx_attribute *attribute);
const dd_onnx_tensor *dd_onnx_attribute_tensor(const dd_onnx_attribute *attribute);
const dd_onnx_graph *dd_onnx_attribute_graph(const dd_onnx_attribute *attribute);
size_t dd_onnx_attribute_float_count(const dd_onnx_attribute *attribute);
const float *dd_onnx_attribute_floats(const dd_onnx_attribute *attribute);
size_t dd_onnx_attribute_int_count(const dd_onnx_attribute *attribute);
const int64_t *dd_onnx_attribute_ints(const dd_onnx_attribute *attribute);
size_t dd_onnx_attribute_string_count(const dd_onnx_attribute *attribute);
dd_onnx_text dd_onnx_attribute_string_at(const dd_onnx_attribute *attribute, size_t index);
size_t dd_onnx_attribute_tensor_count(const dd_onnx_attribute *attribute);
const dd_onnx_tensor *dd_onnx_attribute_tensor_at(const dd_onnx_attribute *attribute, size_t index);
size_t dd_onnx_attribute_graph_count(const dd_onnx_attribute *attribute);
const dd_onnx_graph *dd_onnx_attribute_graph_at(const dd_onnx_attribute *attribute, size_t index);

dd_onnx_text dd_onnx_tensor_name(const dd_onnx_tensor *tensor);
/// A number of TensorProto.DataType, also those that are newer than libonnx.
int32_t dd_onnx_tensor_data_type(const dd_onnx_tensor *tensor);
size_t dd_onnx_tensor_dimension_count(const dd_onnx_tensor *tensor);
const int64_t *dd_onnx_tensor_dimensions(const dd_onnx_tensor *tensor);
bool dd_onnx_tensor_has_raw_data(const dd_onnx_tensor *tensor);
/// Little-endian, with no alignment.
dd_onnx_text dd_onnx_tensor_raw_data(const dd_onnx_tensor *tensor);
size_t dd_onnx_tensor_float_count(const dd_onnx_tensor *tensor);
const float *dd_onnx_tensor_floats(const dd_onnx_tensor *tensor);
size_t dd_onnx_tensor_int32_count(const dd_onnx_tensor *tensor);
const int32_t *dd_onnx_tensor_int32s(const dd_onnx_tensor *tensor);
size_t dd_onnx_tensor_int64_count(const dd_onnx_tensor *tensor);
const int64_t *dd_onnx_tensor_int64s(const dd_onnx_tensor *tensor);
size_t dd_onnx_tensor_double_count(const dd_onnx_tensor *tensor);
const double *dd_onnx_tensor_doubles(const dd_onnx_tensor *tensor);
size_t dd_onnx_tensor_uint64_count(const dd_onnx_tensor *tensor);
const uint64_t *dd_onnx_tensor_uint64s(const dd_onnx_tensor *tensor);
size_t dd_onnx_tensor_string_count(const dd_onnx_tensor *tensor);
bool dd_onnx_tensor_has_segment(const dd_onnx_tensor *tensor);
/// Whether the data stands in another file.
bool dd_onnx_tensor_is_external(const dd_onnx_tensor *tensor);
size_t dd_onnx_tensor_external_count(const dd_onnx_tensor *tensor);
dd_onnx_text dd_onnx_tensor_external_key(const dd_onnx_tensor *tensor, size_t index);
dd_onnx_text dd_onnx_tensor_external_value(const dd_onnx_tensor *tensor, size_t index);

typedef enum {
    DD_ONNX_TYPE_NONE,
    DD_ONNX_TYPE_TENSOR,
    DD_ONNX_TYPE_SPARSE_TENSOR,
    DD_ONNX_TYPE_SEQUENCE,
    DD_ONNX_TYPE_MAP,
    DD_ONNX_TYPE_OPTIONAL,
} dd_onnx_type_kind;

typedef enum {
    DD_ONNX_DIMENSION_UNKNOWN,
    DD_ONNX_DIMENSION_SIZE,
    DD_ONNX_DIMENSION_SYMBOL,
} dd_onnx_dimension_kind;

dd_onnx_text dd_onnx_value_info_name(const dd_onnx_value_info *info);
dd_onnx_type_kind dd_onnx_value_info_type(const dd_onnx_value_info *info);
/// Of a tensor: a number of TensorProto.DataType.
int32_t dd_onnx_value_info_element_type(const dd_onnx_value_info *info);
/// Whether a tensor's rank is known.
bool dd_onnx_value_info_has_shape(const dd_onnx_value_info *info);
size_t dd_onnx_value_info_dimension_count(const dd_onnx_value_info *info);
dd_onnx_dimension_kind dd_onnx_value_info_dimension_kind(const dd_onnx_value_info *info, size_t index);
int64_t dd_onnx_value_info_dimension_size(const dd_onnx_value_info *info, size_t index);
dd_onnx_text dd_onnx_value_info_dimension_symbol(const dd_onnx_value_info *info, size_t index);

#ifdef __cplusplus
}
#endif

#endif
