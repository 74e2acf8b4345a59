"""A seeded set of notes with identifiers planted in them, and clinical sentences without any; templates of our own.

Every kind of Safe Harbor that can stand in a text (45 CFR 164.514(b)(2)(i)), in sentences as clinicians write them, in mixed case, in small letters and in capitals. What does not belong here: what the scrubber is expected to do.
"""  # noqa: E501

import random
from collections.abc import Iterator
from dataclasses import dataclass

GIVEN = """Anneliese Bartolomeo Chidinma Dagfinn Eulalia Fionnuala Gwendolyn Hiroshi Ikechukwu Jelena Khadija Lakshmi
Mireille Nkechi Oluwaseun Priyanka Quetzalli Rukhsana Svetlana Thandiwe Ulrika Vivienne Wolfgang Xiomara Yevgenia Zuleika
John Mary Robert Linda David Susan James Karen Paul Nancy Mark Helen Kevin Laura Brian Maria Rose Grace""".split()  # noqa: E501, SIM905
FAMILY = """Abubakar Bartoszek Castellanos Dombrowski Echeverria Fitzwilliam Grzybowski Haraldsson Ibrahimovic Jankowska
Kaczmarek Lindqvist Mbeki Nakamura Oyelaran Papadakis Quattlebaum Ravenscroft Szymanski Thistlethwaite Umarova Vandermeer
Wierzbicki Xiong Yilmaz Zimmermann O'Shaughnessy Al-Rashid Smith Johnson Garcia Nguyen Patel Kim Murphy Baker Hill Young
Wilson Turner Cooper""".split()  # noqa: E501, SIM905
TOWN = (
    "Springfield Rotherham Poughkeepsie Wilkes-Barre Albuquerque Kalamazoo Gdansk Sheboygan Chattanooga Tulsa".split()  # noqa: SIM905
)
STREET = [
    "Lantern Quay",
    "Foundry Row",
    "Saltmarsh Road",
    "Orchard Rise Street",
    "Tollgate Lane",
    "Elm Avenue",
    "N Kiln Street",
]
MONTH = "January February March April May June July August September October November December".split()  # noqa: SIM905

TEMPLATES: dict[str, list[str]] = {
    "A patient": [
        "{given} {family} is a 54 year old woman with chest pain.",
        "Pt {family}, {given} seen in triage with worsening dyspnea.",
        "Mr. {family} denies fever, chills or night sweats.",
        "{given} was brought in by ambulance after a fall at home.",
        "Patient name: {family} {given}, allergic to penicillin.",
        "Mrs {family} reports that the pain radiates to the left arm.",
    ],
    "A relative": [
        "Lives with his daughter {given} {family} and is independent in activities of daily living.",
        "Wife {given} at bedside, states he has been confused since yesterday.",
        "History obtained from son, {given} {family}, who found her on the floor.",
        "Next of kin is {given} {family}.",
    ],
    "A clinician": [
        "Discussed with Dr. {family} from cardiology, who agrees with the plan.",
        "Seen by {given} {family}, MD, and cleared for discharge.",
        "Nurse {family} administered 4 mg of morphine IV.",
        "Electronically signed by {given} {family}, PA-C.",
        "Follow up with Dr {family} in two weeks.",
    ],
    "B place": [
        "Lives in {town} with two cats.",
        "She moved here from {town} last year.",
        "Transferred from {town} General Hospital for higher level of care.",
        "Home address is {number} {street}, {town}.",
        "Resides at {number} {street} apt 4, zip {zip}.",
    ],
    "C date": [
        "Admitted on {us_date} with community acquired pneumonia.",
        "Last colonoscopy {month} {day}, {year} was normal.",
        "Symptoms began on {month} {day}.",
        "DOB {iso_date}, presents with abdominal pain.",
        "Next appointment is {day} {month} {year} at the clinic.",
        "Had a stroke in {month} {year}.",
        "Last dose taken {short_date} in the morning.",
    ],
    "C age over 89": [
        "This is a {age} year old female with hip pain.",
        "{age} yo M s/p fall from standing.",
        "Patient is {age}-years-old and lives alone.",
        "Age: {age}, on warfarin.",
    ],
    "D telephone": [
        "Call daughter at {phone} with results.",
        "Contact number {phone} given to the ward clerk.",
        "Reached pharmacy, {phone}, to verify medications.",
    ],
    "E fax": ["Records faxed to {phone}.", "Please fax the report to {phone} today."],
    "F e-mail": ["Sent instructions to {email} as requested.", "Email: {email}"],
    "G social security": ["SSN {ssn} verified at registration.", "Social security number is {ssn}."],
    "H record number": [
        "MRN {digits} reviewed, no prior imaging.",
        "Medical record number: {code}.",
        "Chart {digits} merged with this one.",
    ],
    "I plan number": ["Insurance ID {code} is active.", "Member number {code}, prior authorization pending."],
    "J account": ["Account number {digits} billed.", "Acct # {code} closed."],
    "K licence": ["Driver's license {code} shown at check in.", "DEA number {code} on the prescription."],
    "L vehicle": ["Hit by a car with license plate {plate}.", "Vehicle plate no. {plate} noted by EMS."],
    "M device": ["Pacemaker serial number {code} interrogated.", "Insulin pump S/N {code} replaced, lot {code}."],
    "N web address": ["Photos uploaded to {url} by the family.", "See {url} for his blog about the illness."],
    "O network address": ["Portal message sent from {ip}.", "Telehealth visit from IP address {ip}."],
    "P biometric": ["Fingerprint ID {code} used to open the cabinet.", "Voiceprint {code} on file."],
    "Q photo": ["Wound photo saved as {photo}.", "Image {photo} attached to the chart."],
    "R other": [
        "Study subject {code} randomized to arm B.",
        "Specimen {code} sent to pathology.",
        "Badge {digits} swiped.",
    ],
}

# Written after the lists and rules were settled on the templates above, and never used to settle them.
HELD_OUT: dict[str, list[str]] = {
    "A patient": [
        "I had the pleasure of seeing {given} {family} in clinic today.",
        "{family} tolerated the procedure well.",
        "RE: {given} {family}",
        "Spoke with {given}, who understands the risks of surgery.",
    ],
    "A relative": ["Her sister {given} {family} will drive her home.", "Mother ({given} {family}) has hypothyroidism."],
    "A clinician": [
        "Anesthesia: {family}. Assistant: {given} {family}, RN.",
        "Thank you, Dr {family}, for this referral.",
        "Reviewed by {family} {given} before sign out.",
    ],
    "B place": ["He works at a mill near {town}.", "Was on vacation in {town} when the rash appeared."],
    "C date": ["Surgery scheduled for {month} {day}, {year}.", "Labs from {us_date} were unremarkable."],
    "C age over 89": ["Pleasant {age} year-old lady in no distress."],
    "D telephone": ["Please page or call {phone} with questions."],
    "F e-mail": ["He can be reached at {email}."],
    "H record number": ["Patient identified by MRN# {digits}."],
    "L vehicle": ["The other car, plate {plate}, left the scene."],
    "M device": ["Hip implant, serial no {code}, recalled by the manufacturer."],
}
HELD_OUT_CLINICAL = """
Neck is supple without thyromegaly, no carotid bruits, trachea midline.
Skin warm and dry, no rashes, petechiae or jaundice noted.
The patient was extubated on postoperative day two and weaned to nasal cannula.
Hemoglobin dropped to 7.1 and she was transfused two units of packed red cells.
Vaginal bleeding since this morning, soaking one pad an hour, no clots.
Knee is swollen and warm with limited range of motion, arthrocentesis performed.
Continue aspirin and clopidogrel, hold apixaban until after the biopsy.
Child is alert and playful, mucous membranes moist, tympanic membranes clear.
Overdose of an unknown quantity of tablets, naloxone given with good response.
Visual acuity 20/40 on the right, fluorescein uptake over the cornea.
Pt w/ N/V/D x 3d, poor PO intake, dry MM, cap refill 3 sec.
Lac to R forearm 4 cm, bleeding controlled, tetanus UTD.
""".strip().splitlines()

CLINICAL = """
Patient presents with substernal chest pain radiating to the left arm, associated with diaphoresis and nausea.
Denies fever, chills, cough, dysuria, hematuria or recent travel.
Past medical history significant for hypertension, hyperlipidemia, type 2 diabetes and coronary artery disease.
Blood pressure 142/88, heart rate 96, respiratory rate 18, temperature 37.2, SpO2 97% on room air.
Lungs clear to auscultation bilaterally, no wheezes, rales or rhonchi.
Abdomen soft, nontender, nondistended, with normoactive bowel sounds.
Cranial nerves intact, strength 5/5 in all extremities, sensation intact, gait steady.
Troponin negative, ECG shows normal sinus rhythm without ST elevation.
Started on ceftriaxone and azithromycin for community acquired pneumonia.
Chest radiograph demonstrates a right lower lobe consolidation with small pleural effusion.
CT of the head without contrast shows no acute intracranial hemorrhage.
Creatinine 1.8 mg/dL, potassium 5.2, hemoglobin 9.4 g/dL, platelets 210.
Given 500 mL normal saline bolus, ondansetron 4 mg IV and acetaminophen 650 mg by mouth.
Parkinson's disease on carbidopa and levodopa, with mild resting tremor.
Foley catheter placed, urine output 40 mL per hour.
History of Crohn's disease status post ileocecal resection.
Glasgow coma scale 15 on arrival, pupils equal and reactive.
Wound irrigated and closed with four interrupted nylon sutures.
Discharged home in stable condition with instructions to return for worsening symptoms.
Metoprolol 25 mg twice daily, lisinopril 10 mg daily, atorvastatin 40 mg at bedtime.
Positive Murphy sign with right upper quadrant tenderness, ultrasound pending.
The patient is a 68 year old man who fell down three stairs and struck his head.
Ambulatory with walker, uses home oxygen at 2 L by nasal cannula.
Urinalysis positive for nitrites and leukocyte esterase, culture sent.
Colonoscopy revealed two sessile polyps in the sigmoid colon, both removed.
Echocardiogram with ejection fraction of 35% and moderate mitral regurgitation.
Reports palpitations, lightheadedness and shortness of breath on exertion for 3 days.
Mild erythema and edema of the left lower extremity, no calf tenderness.
Psychiatric evaluation: mood depressed, affect flat, no suicidal ideation.
Pt c/o HA x 2d, photophobia, neg nuchal rigidity, hx migraine.
68 y/o F w/ SOB, hx COPD and CHF, on home O2, inc WOB, sats 88% RA.
NKDA, takes metformin and glipizide, BG 312 at triage.
BIBA s/p MVC, restrained driver, airbag deployed, c/o neck pain.
Abd pain RLQ since last night, N/V x 3, LMP 2 wks ago.
Plan: admit to telemetry, trend troponins, start heparin drip, cardiology consult in the morning.
""".strip().splitlines()


@dataclass(frozen=True)
class Planted:
    """A note, and what was planted in it."""

    kind: str
    text: str
    values: tuple[str, ...]


def planted(seed: int, per_template: int, templates: dict[str, list[str]] = TEMPLATES) -> Iterator[Planted]:
    """Yield notes: each template with several values, in mixed case, and every third in small letters or capitals."""
    rng = random.Random(seed)
    for kind, of_kind in templates.items():
        for template in of_kind:
            for n in range(per_template):
                values = made(rng)
                used = {name: value for name, value in values.items() if f"{{{name}}}" in template}
                case = (str, str, str.lower, str.upper)[n % 4] if kind[0] in "AB" else str
                yield Planted(kind, case(template.format(**values)), tuple(case(v) for v in used.values()))


def made(rng: random.Random) -> dict[str, str]:
    def digits(n: int) -> str:
        return "".join(rng.choice("0123456789") for _ in range(n))

    given, family, year = rng.choice(GIVEN), rng.choice(FAMILY), rng.randint(1990, 2025)
    month, day = rng.randint(1, 12), rng.randint(1, 28)
    letters = "".join(rng.choice("ABCDEFGHJKLMNPRSTUVWXYZ") for _ in range(3))
    phones = (f"({digits(3)}) {digits(3)}-{digits(4)}", f"{digits(3)}-{digits(3)}-{digits(4)}", f"+1 {digits(3)} {digits(3)} {digits(4)}",  # noqa: E501
              f"{digits(3)}.{digits(3)}.{digits(4)}", f"0{digits(4)} {digits(6)}")  # fmt: skip
    return {
        "given": given,
        "family": family,
        "town": rng.choice(TOWN),
        "street": rng.choice(STREET),
        "number": str(rng.randint(1, 9999)),
        "zip": digits(5),
        "us_date": rng.choice(
            [f"{month}/{day}/{year}", f"{month:02}-{day:02}-{year}", f"{month}/{day}/{year % 100:02}"]
        ),
        "iso_date": f"{year}-{month:02}-{day:02}",
        "short_date": f"{month}/{day}",
        "month": MONTH[month - 1],
        "day": str(day),
        "year": str(year),
        "age": str(rng.randint(90, 109)),
        "phone": rng.choice(phones),
        "email": f"{given}.{family}{digits(2)}@example.org".lower().replace("'", ""),
        "ssn": rng.choice([f"{digits(3)}-{digits(2)}-{digits(4)}", digits(9)]),
        "digits": digits(rng.randint(6, 10)),
        "code": rng.choice(
            [f"{letters}{digits(6)}", f"{letters[:1]}-{digits(7)}", f"{digits(3)}{letters}{digits(4)}", digits(8)]
        ),
        "plate": rng.choice([f"{letters} {digits(4)}", f"{digits(1)}{letters}{digits(3)}", f"{letters}-{digits(3)}"]),
        "url": rng.choice(
            [f"https://photos.example.com/{letters}/{digits(5)}", f"www.{family.lower()}.example.org/about"]
        ).replace("'", ""),
        "ip": f"{rng.randint(1, 250)}.{digits(2)}.{rng.randint(1, 250)}.{digits(1)}",
        "photo": f"IMG_{digits(4)}.jpg",
    }
