// A C interface to the messages of an ONNX model, for writing.
//
// A model is built part by part, in any order, and then serialised in pieces, so that the bytes of large initialisers go from
// where they lie to the file and nowhere else: the head, and for each initialiser in turn its own head and (from the caller) its bytes.
// Texts are copied; they are UTF-8 without a terminator. Running out of memory ends the process.
#ifndef ONNX_WRITER_H
#define ONNX_WRITER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "onnx_reader.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct dd_onnx_writer dd_onnx_writer;
/// A node that is being written.
typedef struct dd_onnx_new_node dd_onnx_new_node;
/// A function that is being written.
typedef struct dd_onnx_new_function dd_onnx_new_function;

dd_onnx_writer *dd_onnx_writer_create(int64_t ir_version);
void dd_onnx_writer_free(dd_onnx_writer *writer);

void dd_onnx_writer_set_producer(dd_onnx_writer *writer, dd_onnx_text name, dd_onnx_text version);
void dd_onnx_writer_set_graph(dd_onnx_writer *writer, dd_onnx_text name, dd_onnx_text documentation);
void dd_onnx_writer_add_opset(dd_onnx_writer *writer, dd_onnx_text domain, int64_t version);
void dd_onnx_writer_add_metadata(dd_onnx_writer *writer, dd_onnx_text key, dd_onnx_text value);

typedef enum { DD_ONNX_VALUE_INPUT, DD_ONNX_VALUE_OUTPUT, DD_ONNX_VALUE_INTERMEDIATE } dd_onnx_value_role;
/// Declares the type of a value: a number of TensorProto.DataType and sizes.
void dd_onnx_writer_add_value(dd_onnx_writer *writer, dd_onnx_value_role role, dd_onnx_text name, int32_t element_type, const int64_t *dimensions,
                              size_t dimension_count);

/// A function imports all opsets that the model has been given so far.
dd_onnx_new_function *dd_onnx_writer_add_function(dd_onnx_writer *writer, dd_onnx_text domain, dd_onnx_text name, dd_onnx_text documentation);
void dd_onnx_function_add_input(dd_onnx_new_function *function, dd_onnx_text name);
void dd_onnx_function_add_output(dd_onnx_new_function *function, dd_onnx_text name);
void dd_onnx_function_add_attribute(dd_onnx_new_function *function, dd_onnx_text name);

/// Appends a node to a function, or to the graph if that is null.
dd_onnx_new_node *dd_onnx_writer_add_node(dd_onnx_writer *writer, dd_onnx_new_function *function, dd_onnx_text domain, dd_onnx_text op_type, dd_onnx_text name,
                                          dd_onnx_text documentation);
void dd_onnx_node_add_input(dd_onnx_new_node *node, dd_onnx_text name);
void dd_onnx_node_add_output(dd_onnx_new_node *node, dd_onnx_text name);
void dd_onnx_node_add_int(dd_onnx_new_node *node, dd_onnx_text name, int64_t value);
void dd_onnx_node_add_float(dd_onnx_new_node *node, dd_onnx_text name, float value);
void dd_onnx_node_add_string(dd_onnx_new_node *node, dd_onnx_text name, dd_onnx_text value);
void dd_onnx_node_add_ints(dd_onnx_new_node *node, dd_onnx_text name, const int64_t *values, size_t count);
void dd_onnx_node_add_floats(dd_onnx_new_node *node, dd_onnx_text name, const float *values, size_t count);
void dd_onnx_node_add_strings(dd_onnx_new_node *node, dd_onnx_text name, const dd_onnx_text *values, size_t count);
/// A tensor, whose bytes are copied.
void dd_onnx_node_add_tensor(dd_onnx_new_node *node, dd_onnx_text name, int32_t element_type, const int64_t *dimensions, size_t dimension_count,
                             const void *bytes, size_t byte_count);

/// Declares an initialiser. Its bytes are written behind its head by the caller, or lie in another file.
void dd_onnx_writer_add_initializer(dd_onnx_writer *writer, dd_onnx_text name, int32_t element_type, const int64_t *dimensions, size_t dimension_count,
                                    size_t byte_count);
/// The same where the bytes lie in another file beside the model.
void dd_onnx_writer_add_external_initializer(dd_onnx_writer *writer, dd_onnx_text name, int32_t element_type, const int64_t *dimensions, size_t dimension_count,
                                             size_t byte_count, dd_onnx_text location, size_t offset);

/// The bytes of the file up to the first initialiser. Valid until the writer is changed or serialises again; null where the
/// model would have more than the 2^31 - 1 bytes that readers take.
const void *dd_onnx_writer_serialize(dd_onnx_writer *writer, size_t *count);
/// The bytes in front of the data of an initialiser that is not external; all there is of one that is. Valid as above.
const void *dd_onnx_writer_serialize_initializer(dd_onnx_writer *writer, size_t index, size_t *count);

/// Runs ONNX's own checker on a file, external data included. Returns null if it accepts it, else its complaint, to be freed with free().
char *dd_onnx_check_file(const char *path);

#ifdef __cplusplus
}
#endif

#endif
