{#- The groups of seeds/complaint_groups.csv and seeds/history_groups.csv, in order; a data test compares them. -#}
{% macro complaint_groups() -%}
    {{ return([
        'cardiac_arrest', 'unconscious', 'altered_mental_state', 'shortness_of_breath',
        'asthma_wheezing', 'cough', 'cold_flu', 'pneumonia', 'covid', 'chest_pain', 'palpitations',
        'heart_disease', 'hypertension', 'syncope', 'dizziness', 'stroke_signs', 'numbness', 'seizure',
        'headache', 'weakness_fatigue', 'fever', 'sepsis', 'gi_bleeding', 'abdominal_pain',
        'nausea_vomiting', 'bowel', 'liver_abdomen', 'blood_sugar', 'abnormal_test', 'anemia',
        'kidney_dialysis', 'urinary', 'swelling', 'blood_clot', 'suicidal', 'overdose_poisoning',
        'alcohol_drugs', 'psychiatric', 'injury', 'head_injury', 'fall', 'motor_vehicle', 'violence',
        'fracture', 'wound', 'limb_injury', 'trunk_injury', 'burn', 'limb_pain', 'back_neck_pain',
        'skin', 'allergic_reaction', 'pregnancy', 'vaginal', 'eye', 'ear_nose_throat', 'dental',
        'cancer', 'surgical_complication', 'device', 'medication',
    ]) }}
{%- endmacro %}

{% macro history_groups() -%}
    {{ return([
        'alcohol_misuse', 'dementia', 'asthma', 'cancer', 'cerebrovascular', 'chronic_kidney_disease',
        'copd', 'heart_failure', 'coronary_disease', 'depression', 'diabetes', 'end_stage_renal',
        'thromboembolism', 'hiv', 'hyperlipidemia', 'hypertension', 'obesity', 'sleep_apnea',
        'osteoporosis', 'substance_misuse',
    ]) }}
{%- endmacro %}
