"""Which test covers a file that has no test of its own name. Standard library only."""

from __future__ import annotations

# A test, below tests/ -> the files that it covers, each without `.py`.
COVERED_BY: dict[str, str] = {
    "cuda/test_deform_attn.py": "cuda/deform_attn_cpu cuda/deform_attn_reference cuda/deform_attn_triton",
    "cuda/test_image_prep.py": "cuda/image_prep_reference cuda/image_prep_triton",
    "launch/api/test_detect_routes.py": (
        "launch/api/answers launch/api/api_app launch/api/api_error launch/api/api_metrics "
        "launch/api/detect_request launch/api/detection_service launch/api/model_pool "
        "launch/api/openapi launch/api/request_body"
    ),
    "launch/api/test_job_store.py": "launch/api/job_routes",
    "launch/api/test_label_studio.py": "launch/api/label_config launch/api/picture_fetch",
    "launch/arm/test_demo.py": "launch/arm/controller launch/arm/drawing launch/arm/options launch/arm/trial",
    "launch/arm/test_robot.py": "launch/arm/cell",
    "launch/bench/test_kernel.py": "launch/bench/hardware",
    "launch/bench/test_memory.py": "launch/memory",
    "launch/bench/test_node.py": "launch/bench/cameras",
    "launch/bench/test_positions.py": "launch/bench/eye_in_hand launch/bench/position_scenes",
    "launch/bench/test_parity.py": (
        "launch/bench/commands launch/bench/detector launch/bench/model launch/bench/oracle "
        "launch/bench/pairs launch/bench/sizes launch/bench/suite launch/bench/truth launch/bench/weights"
    ),
    "launch/bridge/test_mqtt.py": "launch/bridge/event_options",
    "launch/bridge/test_ros2.py": "launch/bridge/commands launch/bridge/node_options",
    "launch/calibrate/test_commands.py": (
        "launch/calibrate/board launch/calibrate/drawing launch/calibrate/intrinsics launch/calibrate/placement "
        "launch/calibrate/robot_poses launch/calibrate/settings_block launch/calibrate/views"
    ),
    "launch/edit/test_edit.py": "launch/edit/options launch/edit/result_files",
    "launch/evaluate/test_coco.py": (
        "launch/evaluate/odinw launch/evaluate/options launch/evaluate/refcoco launch/evaluate/run "
        "model/datasets/coco_parts"
    ),
    "launch/events/test_commands.py": (
        "launch/events/csv_file launch/events/store_options launch/node/state_folder launch/report/event_plot "
        "launch/show/event_table"
    ),
    "launch/label/test_label.py": (
        "launch/label/classes_file launch/label/dataset_commands launch/label/label_options launch/label/label_run "
        "launch/label/picture_places launch/label/set_inputs launch/label/set_report"
    ),
    "launch/photos/test_count.py": "launch/photos/count_report launch/photos/folder_counts",
    "launch/photos/test_crop.py": "launch/photos/look",
    "launch/photos/test_filter.py": "launch/photos/blurring launch/photos/policy",
    "launch/report/test_page.py": "launch/report/plots launch/report/run_report launch/report/sample_sheets",
    "launch/review/test_session.py": "launch/review/edits launch/review/shapes",
    "launch/service/test_health.py": "launch/service/health_pages launch/service/metrics",
    "launch/service/test_reload.py": "launch/service/sighup",
    "launch/settings/test_settings.py": "launch/settings/settings_file",
    "launch/show/test_progress.py": "launch/train/progress",
    "launch/test_bad_input.py": "launch/exits",
    "launch/test_check.py": "launch/settings/settings_paths",
    "launch/test_cli.py": "launch/command_line launch/commands launch/doctor",
    "launch/test_compat.py": "launch/show/image_files model/runtime/free_phrases model/runtime/whole_caption",
    "launch/control/test_commands.py": "launch/node/runtime_folder launch/show/control_tables launch/show/plain_table",
    "launch/test_demo.py": "launch/node/node_process",
    "launch/test_detect.py": "launch/node/load_detector launch/show/input_files launch/show/mask_finder",
    "launch/test_keys.py": "launch/settings/key_option",
    "launch/test_listen.py": "launch/printable launch/show/message_table",
    "launch/test_listen_status.py": "launch/show/listen_status launch/show/status_table",
    "launch/test_outputs.py": "launch/show/detection_rows launch/show/results launch/show/video_file",
    "launch/test_replay.py": "launch/show/recording_report",
    "launch/test_run.py": "launch/node/load_masker launch/node/node launch/node/signals launch/settings/sources",
    "launch/test_ways_in.py": "launch/show/image_inputs",
    "launch/survey/test_survey.py": (
        "launch/survey/append_file launch/survey/entry launch/survey/file_names launch/survey/options "
        "launch/survey/read_ahead launch/survey/remaining launch/survey/run launch/survey/submitting launch/survey/tree"
    ),
    "launch/survey/test_formats.py": (
        "launch/survey/coco_file launch/survey/csv_file launch/survey/line_file launch/survey/megadetector_file "
        "launch/survey/survey_results"
    ),
    "launch/train/test_detector.py": "launch/train/data launch/train/options launch/train/tabletop",
    "launch/train/test_words.py": "model/training/learnt_words",
    "launch/verify/test_published.py": (
        "launch/verify/answers launch/verify/checks launch/verify/checksums launch/verify/picture "
        "launch/verify/transformers_queries"
    ),
    "launch/web/test_guard.py": "launch/web/request_limits",
    "launch/web/test_run_page.py": "launch/node/page_process launch/web/web_options",
    "launch/web/test_page_app.py": (
        "launch/web/hub launch/web/live_frame launch/web/node_control launch/web/static_files "
        "launch/web/viewer_lease launch/web/viewer_requests"
    ),
    "model/datasets/test_set_export.py": (
        "model/datasets/coco_set model/datasets/picture_set model/datasets/voc_set model/datasets/yolo_set"
    ),
    "model/datasets/test_attribution.py": "model/datasets/coco_records",
    "model/datasets/test_coco_data.py": "model/datasets/picture_check",
    "model/datasets/test_odvg_data.py": "model/datasets/labelled",
    "model/dino/test_grounding_dino.py": (
        "model/dino/backbone model/dino/edge_encoder model/dino/picture_area model/dino/text_encoder model/runtime/fold"
    ),
    "model/editing/test_pipeline_painter.py": "model/editing/pipeline_files",
    "model/embeddings/test_picture_embedder.py": "model/weights/transformers_model",
    "model/evaluation/test_coco_eval.py": "model/evaluation/coco_store",
    "model/evaluation/test_confusion.py": "model/evaluation/class_figures",
    "model/evaluation/test_refcoco_eval.py": "model/datasets/refcoco_data",
    "model/masks/test_embedded.py": "model/masks/box_crop model/masks/box_mask_net",
    "model/masks/test_load.py": (
        "model/masks/box_tracks model/masks/families model/masks/masker model/masks/published_masker"
    ),
    "model/masks/test_memory_tracks.py": "model/masks/memory_net model/masks/object_memory",
    "model/pictures/test_still_picture.py": (
        "model/pictures/pixel_kinds model/pictures/png_file model/pictures/tone_mapping"
    ),
    "model/runtime/test_gpu_workers.py": "model/runtime/job model/runtime/network model/runtime/network_output",
    "model/tabletop/test_clip.py": "model/tabletop/clip_truth",
    "model/tabletop/test_domain_shift.py": "model/evaluation/shift_recall model/tabletop/vocabulary",
    "model/tabletop/test_scenes.py": (
        "model/tabletop/assets model/tabletop/dataset model/tabletop/objects model/tabletop/renderer "
        "model/tabletop/room model/tabletop/scene model/tabletop/shapes model/tabletop/textures "
        "model/tabletop/words"
    ),
    "model/runtime/test_unknown_words.py": "model/weights/embedded",
    "model/test_detector.py": (
        "model/detections model/query model/runtime/cpu_workers model/runtime/threads model/runtime/ticket"
    ),
    "model/test_family.py": "model/config model/dino/heads",
    "model/test_full_detector.py": "model/runtime/input_rule",
    "model/test_gpu_path.py": "model/image model/runtime/picture_input model/runtime/prompt_cache",
    "model/test_hostile_folder.py": "model/weights/config_file",
    "model/test_parity.py": (
        "model/dino/decoder model/dino/deformable model/dino/encoder model/dino/fusion model/dino/sine_embedding"
    ),
    "model/training/test_denoising.py": "model/training/batch model/training/detection",
    "model/training/test_matching.py": "model/training/boxes",
    "model/training/test_overfit.py": "model/training/finetune model/training/validation",
    "model/training/test_tabletop_batches.py": "model/training/augment model/training/stored_scenes",
    "model/training/test_tabletop_recipe.py": "model/training/tabletop",
    "model/training/test_trainer.py": "model/training/workers",
    "model/weights/test_published.py": (
        "model/weights/hub model/weights/mmdet_names model/weights/weight_files model/weights/weight_names"
    ),
    "stream/bridges/test_dds_types.py": "stream/bridges/ros_definitions stream/bridges/ros_messages",
    "stream/bridges/test_ros_bridge.py": (
        "stream/bridges/bridge_figures stream/bridges/dds_node stream/bridges/feed "
        "stream/bridges/picture_feed stream/bridges/prompt_requests"
    ),
    "stream/bridges/test_webhook_sender.py": "stream/bridges/event_bridge stream/bridges/event_json",
    "stream/capture/test_open_source.py": "stream/decode/ffmpeg_errors stream/decode/ffmpeg_open",
    "stream/capture/test_push_source.py": "stream/wire/push_message",
    "stream/capture/test_reader.py": (
        "stream/capture/frame_maker stream/decode/opened_source stream/decode/video stream/frame stream/stats"
    ),
    "stream/capture/test_reader_web.py": "stream/decode/network_source stream/decode/snapshot_camera",
    "stream/control/test_control_node.py": "stream/node/commands",
    "stream/control/test_control_schema.py": (
        "stream/control/answers stream/control/codec stream/control/requests stream/control/source_settings "
        "stream/control/zone_settings"
    ),
    "stream/control/test_server.py": "stream/control/lease_holders stream/sockets/wake",
    "stream/decode/test_decoder_limits.py": "stream/wire/jpeg_scans",
    "stream/decode/test_shortfall.py": "stream/decode/cut_off",
    "stream/decode/test_web_client.py": "stream/decode/web_container",
    "stream/decoder_process/test_start.py": (
        "stream/decoder_process/child stream/decoder_process/link stream/decoder_process/messages "
        "stream/decoder_process/picture_slots stream/decoder_process/remote_source "
        "stream/decoder_process/sandbox stream/decoder_process/syscall_filter"
    ),
    "stream/control/test_geometry_settings.py": "stream/control/section stream/geometry_options",
    "stream/geometry/test_position_finder.py": (
        "stream/depth_image stream/geometry/box_position stream/geometry/depth_grid stream/geometry/frame_geometry "
        "stream/geometry/sensors stream/geometry/stereo stream/geometry/uncertainty"
    ),
    "stream/geometry/test_outline_fit.py": "stream/geometry/plane_position",
    "stream/geometry/test_hand_eye.py": (
        "stream/geometry/board_pose stream/geometry/calibration_error stream/geometry/hand_eye_fit "
        "stream/geometry/pose_pairing"
    ),
    "stream/events/test_engine.py": (
        "stream/events/count_watch stream/events/line_watch stream/events/observation stream/events/plane "
        "stream/events/relink stream/events/rest_watch stream/events/static_spots stream/events/tentative "
        "stream/events/watched_object stream/events/zone_watch"
    ),
    "stream/events/test_store.py": "stream/events/stored",
    "stream/geometry/test_intrinsics_fit.py": "stream/geometry/plane_fit",
    "stream/clips/test_clips.py": (
        "stream/clips/clip stream/clips/clip_file stream/clips/clip_folder stream/clips/clip_recorder "
        "stream/clips/packet_ring"
    ),
    "stream/control/test_watch_settings.py": "stream/watch_options stream/wire/watch_maps",
    "stream/motion/test_motion_gate.py": "stream/motion/background",
    "stream/motion/test_schedule.py": "stream/motion/sun",
    "stream/test_pipeline_motion.py": "stream/capture/watch_rule",
    "stream/node/test_command_queue.py": "stream/node/node_api",
    "stream/node/test_picture_sender.py": "stream/node/bounded_worker stream/node/jpeg",
    "stream/publish/test_publisher.py": (
        "stream/publish/snapshot stream/publish/subscriptions stream/publish/xpub_socket"
    ),
    "stream/recording/test_mcap_files.py": (
        "stream/recording/format stream/recording/mcap_index stream/recording/mcap_writer "
        "stream/recording/raw_publisher stream/recording/rotation"
    ),
    "stream/recording/test_recorder.py": "stream/recording/counters stream/wire/header",
    "stream/recording/test_recording_limits.py": "stream/recording/mcap_chunk stream/recording/mcap_reader",
    "stream/recording/test_replayed.py": (
        "stream/recording/playback stream/recording/raw_subscriber stream/recording/restamp"
    ),
    "stream/sockets/test_allow_list.py": "stream/sockets/rejections",
    "stream/sockets/test_bound_socket.py": "stream/sockets/endpoint stream/sockets/listening",
    "stream/sockets/test_client_socket.py": "stream/sockets/connect stream/sockets/own_context",
    "stream/sockets/test_key_files.py": "stream/sockets/client_keys stream/sockets/trusted_path",
    "stream/sockets/test_name_claim.py": "stream/sockets/discovery",
    "stream/subscribe/test_inbox.py": "stream/subscribe/picture_matcher stream/wire/seq_progress",
    "stream/test_floods.py": "stream/sockets/token_bucket",
    "stream/test_pipeline.py": (
        "stream/detector_protocol stream/node/held_results stream/node/message_parts stream/node/node_state "
        "stream/node/source_counters stream/node/source_session"
    ),
    "stream/test_pipeline_events.py": (
        "stream/event stream/node/source_events stream/subscribe/event_stream stream/zone"
    ),
    "stream/test_pipeline_masks.py": "stream/mask_protocol stream/node/mask_sender stream/track_mask",
    "stream/test_pipeline_options.py": "stream/clock stream/options",
    "stream/test_pipeline_sources.py": "stream/node/source_registry",
    "stream/tracking/test_tracker.py": "stream/track stream/tracking/linker stream/tracking/norfair_linker",
    "stream/wire/test_message.py": (
        "stream/wire/message_identity stream/wire/message_types stream/wire/place_counts stream/wire/topics"
    ),
    "stream/wire/test_older_messages.py": "stream/wire/message_fields",
    "stream/wire/test_other_languages.py": "stream/wire/packing",
}
